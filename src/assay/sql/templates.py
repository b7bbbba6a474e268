"""Statements with parts that vary: clauses that can be left out, and words that are chosen.

``[[ and price < :max ]]`` is a clause. It is left out when a parameter directly in it is ``assay.OMIT``; parameters of
clauses inside it leave out only those.

- ``[[`` and ``]]`` are two brackets directly next to one another, outside of literals, quoted identifiers and comments.
- In an array constructor they are PostgreSQL's own: after ``array``, and within its brackets where an element begins,
  as in ``array[[1, 2], [3, 4]]``. Anywhere else PostgreSQL has no use for ``[[``.
- A bracket closes the innermost one that is open, so ``a[b[1]]`` closes two subscripts, and ``[[ and a[:i]]]`` a
  subscript and then the clause. Parentheses and brackets that open in a clause close in it, and no others.
- A clause has a parameter of its own that stands nowhere outside of clauses: one that does must not be OMIT.

``{order}`` is a choice: one of a few texts takes its place. The name stands directly between the braces, and blanks,
commas, dots, brackets or the ends of a clause stand around them, or ``::`` next to them. All else in braces, and
braces in literals, quoted identifiers and comments, is left alone. A choice in a clause can be OMIT, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from assay.errors import ParameterError
from assay.sql.lexer import BLANK, Kind, Token, tokenize
from assay.sql.placeholders import Statement, mixed, named_placeholders, normal, number


class TemplateError(ParameterError):
    """A clause or a choice is not well formed."""

    def __init__(self, what: str, sql: str, offset: int, remedy: str) -> None:
        super().__init__(f"{what} (line {sql.count(chr(10), 0, offset) + 1}); {remedy}")
        self.what = what
        self.offset = offset
        """Where, in characters from 0."""
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Clause:
    """``[[ ... ]]``; offsets are in characters from 0, the end not included."""

    start: int
    end: int
    outer: int | None
    """The clause that it stands in, by its index."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A place that something is put into: ``:name`` and ``$1`` a parameter, ``{name}`` a text."""

    start: int
    end: int
    key: str
    """What it is called: ``:name``, ``$1`` or ``{name}``."""
    clause: int | None
    """The innermost clause around it."""


@dataclass(frozen=True, slots=True)
class Template:
    """A statement with clauses or choices."""

    source: str
    statement: Statement
    """All of its parameters. It has no text of its own to send."""
    choices: tuple[str, ...]
    """The names in braces, in the order in which they first stand."""
    clauses: tuple[Clause, ...]
    """In the order of their beginnings."""
    holes: tuple[Hole, ...]
    """In the order of their places."""
    omittable: frozenset[str]
    """The keys of holes that stand only in clauses, so that they can be OMIT."""
    keys: tuple[str, ...]
    """The keys of its parameters in order, then those of its choices."""


@lru_cache(maxsize=4096)
def parse_template(sql: str) -> Template | None:
    """Read the clauses and choices of a statement; None when it has none.

    Raises ParameterError when it has both kinds of placeholders, and TemplateError, saying where, for what is not
    well formed.
    """
    if "[[" not in sql and "]]" not in sql and "{" not in sql:
        return None
    reader = _Reader(sql)
    reader.read()
    if not reader.clauses and not reader.choices:
        return None
    holes = sorted((*reader.choices, *_parameters(reader)), key=lambda hole: hole.start)
    template = _template(sql, tuple(reader.clauses), tuple(holes))
    _refuse_useless(template)
    return template


def _template(sql: str, clauses: tuple[Clause, ...], holes: tuple[Hole, ...]) -> Template:
    keys = dict.fromkeys(hole.key for hole in holes)
    names = tuple(key[1:] for key in keys if key[0] == ":")
    choices = tuple(key[1:-1] for key in keys if key[0] == "{")
    numbers = {int(key[1:]) for key in keys if key[0] == "$"}
    _refuse_clashes(sql, holes, names, numbers)
    outside = {hole.key for hole in holes if hole.clause is None}
    statement = Statement(sql, sql, names, max(numbers, default=0))
    ordered = tuple(sorted(keys, key=_order))
    return Template(sql, statement, choices, clauses, holes, frozenset(keys) - outside, ordered)


def _order(key: str) -> tuple[int, int]:
    """Names as they come, numbers by their value, choices last."""
    return key[0] == "{", int(key[1:]) if key[0] == "$" else 0


def _refuse_clashes(sql: str, holes: Sequence[Hole], names: Sequence[str], numbers: Set[int]) -> None:
    both = next((hole for hole in holes if hole.key[0] == "{" and hole.key[1:-1] in names), None)
    if both is not None:
        name = both.key[1:-1]
        raise TemplateError(f":{name} and {both.key} cannot be told apart", sql, both.start, "rename one of them")
    lacking = next((n for n in range(1, max(numbers, default=0)) if n not in numbers), None)
    if lacking is not None:
        hole = next(hole for hole in holes if hole.key == f"${max(numbers)}")
        raise TemplateError(f"there is a {hole.key}, but no ${lacking}", sql, hole.start, "number them without gaps")


def _refuse_useless(template: Template) -> None:
    keys: dict[int | None, list[str]] = {}
    for hole in template.holes:
        keys.setdefault(hole.clause, []).append(hole.key)
    for index, clause in enumerate(template.clauses):
        own = keys.get(index, [])
        if not template.omittable.intersection(own):
            names = list(dict.fromkeys(own))
            verb = "also stands" if len(names) == 1 else "also stand"
            why = f"{', '.join(names)} {verb} outside of clauses" if own else "it has no parameter of its own"
            raise TemplateError(
                f"the clause can never be left out, since {why}",
                template.source,
                clause.start,
                "put a parameter into it that can be OMIT, or take the brackets out",
            )


def _parameters(reader: _Reader) -> Iterator[Hole]:
    sql = reader.sql
    named = named_placeholders(sql, reader.tokens)
    positional = [token for token in reader.tokens if token.kind is Kind.PARAMETER]
    if named and positional:
        raise mixed(sql, positional[0], named[0])
    for token in (*named, *positional):
        text = sql[token.start : token.end]
        key = f"${number(sql, token)}" if text[0] == "$" else f":{normal(text[1:])}"
        yield Hole(token.start, token.end, key, reader.within[token.start])


@dataclass(slots=True)
class _Open:
    """A parenthesis or bracket that is open."""

    mark: str
    """``(``, ``[`` or ``[[``."""
    start: int
    elements: bool = False
    """Whether array elements are listed directly in it."""
    clause: int | None = None
    """The innermost clause around what is inside of it."""


_ROOT = "root"


class _Reader:
    """One pass over the tokens: finds the clauses and choices, and keeps the other tokens."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.every = list(tokenize(sql))
        self.solid = [token for token in self.every if token.kind not in BLANK]
        self.tokens: list[Token] = []
        """Those of the statement with all clauses in; a choice is a single word."""
        self.within: dict[int, int | None] = {}
        """By the beginning of a token, the clause that it stands in."""
        self.clauses: list[Clause] = []
        self.choices: list[Hole] = []
        self.open = [_Open(_ROOT, 0)]

    def read(self) -> None:
        """Read all tokens. Raises TemplateError for brackets that do not belong together."""
        index = 0
        while index < len(self.solid):
            index += self._token(index)
        unclosed = next((bracket for bracket in self.open if bracket.mark == "[["), None)
        if unclosed is not None:
            raise self._error("the clause is not closed", unclosed.start, "write ]] at its end, outside of comments")

    def _token(self, index: int) -> int:
        """Read the token at an index; returns how many tokens that took."""
        token = self.solid[index]
        match self._text(index):
            case "(":
                self._push(token, _Open("(", token.start, clause=self.open[-1].clause))
            case "[":
                return self._bracket(index)
            case ")":
                self._close(token, "(")
            case "]":
                return self._closing(index)
            case "{" if self._is_choice(index):
                return self._choice(index)
            case _:
                self._keep(token)
        return 1

    def _keep(self, token: Token) -> None:
        self.within[token.start] = self.open[-1].clause
        self.tokens.append(token)

    def _push(self, token: Token, bracket: _Open) -> None:
        self._keep(token)
        self.open.append(bracket)

    def _close(self, token: Token, mark: str) -> None:
        top = self.open[-1]
        if top.mark == mark:
            self.open.pop()
        elif top.mark == "[[":
            shown = self.sql[token.start]
            raise self._error(f"the {shown} closes nothing in its clause", token.start, "let the clause hold both")
        self._keep(token)

    def _bracket(self, index: int) -> int:
        token, top = self.solid[index], self.open[-1]
        before = self._word(self.tokens[-1]) if self.tokens else ""
        elements = before == "array" or (top.elements and before in ("[", ","))
        if elements or not self._doubled(index):
            self._push(token, _Open("[", token.start, elements, top.clause))
            return 1
        self.clauses.append(Clause(token.start, token.start, top.clause))
        self.open.append(_Open("[[", token.start, top.elements, len(self.clauses) - 1))
        return 2

    def _closing(self, index: int) -> int:
        token, top = self.solid[index], self.open[-1]
        if top.mark == "[" or not self._doubled(index):
            self._close(token, "[")
            return 1
        if top.mark == "[[" and top.clause is not None:
            opened = self.clauses[top.clause]
            self.clauses[top.clause] = Clause(opened.start, token.start + 2, opened.outer)
            self.open.pop()
            return 2
        if top.mark == "(" and top.clause is not None:
            raise self._error("the clause ends before its ( is closed", top.start, "let the clause hold both")
        raise self._error("there is no clause for ]] to close", token.start, "write [[ where it begins")

    def _choice(self, index: int) -> int:
        start, end = self.solid[index].start, self.solid[index + 2].end
        key = "{" + normal(self._text(index + 1)) + "}"
        before = self._text(index - 1) if index else ""
        if not (_ends_apart(self.sql[max(0, start - 2) : start], before) and _begins_apart(self.sql[end : end + 2])):
            raise self._error(f"{key} is part of a longer word", start, "leave a blank around it")
        self.choices.append(Hole(start, end, key, self.open[-1].clause))
        self._keep(Token(Kind.WORD, start, end))
        return 3

    def _is_choice(self, index: int) -> bool:
        opening, *rest = self.solid[index : index + 3]
        if len(rest) < 2 or rest[0].kind is not Kind.WORD or not self._text(index + 1).isidentifier():
            return False
        return self._text(index + 2) == "}" and opening.end == rest[0].start and rest[0].end == rest[1].start

    def _doubled(self, index: int) -> bool:
        following = self.solid[index + 1] if index + 1 < len(self.solid) else None
        token = self.solid[index]
        return (
            following is not None
            and following.start == token.end
            and self.sql[following.start] == self.sql[token.start]
            and following.kind is Kind.SYMBOL
        )

    def _text(self, index: int) -> str:
        token = self.solid[index]
        return self.sql[token.start : token.end]

    def _word(self, token: Token) -> str:
        return self.sql[token.start : token.end].lower()

    def _error(self, what: str, offset: int, remedy: str) -> TemplateError:
        return TemplateError(what, self.sql, offset, remedy)


_BLANKS = " \t\n\r\f\v"


def _ends_apart(text: str, last: str) -> bool:
    """Whether a word after this text would not become part of its last token, blanks and comments aside."""
    near = text[-1:]
    if near == ".":
        return last == "."
    return not near or near in f"{_BLANKS}([," or text.endswith(("::", "*/"))


def _begins_apart(text: str) -> bool:
    """Whether a word before this text would not become part of its first token."""
    near = text[:1]
    return not near or near in f"{_BLANKS})],.;(" or text.startswith(("::", "/*", "--"))
