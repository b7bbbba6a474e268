"""The statements that a template stands for: one for each way to leave clauses out and to choose words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import product

from assay.sql.lexer import BLANK, tokenize
from assay.sql.placeholders import Edit, Statement
from assay.sql.templates import Hole, Template


@dataclass(frozen=True, slots=True)
class Variant:
    """One of a template's statements."""

    statement: Statement
    """Its source is the template's; offsets lead there."""
    taken: tuple[int, ...]
    """Which of the template's parameters are sent, by their index among its keys, in order."""
    left_out: frozenset[int]
    """The clauses that are left out, by their index, those inside of others too."""
    chosen: tuple[tuple[str, str], ...]
    """The names of the choices that are in it, and their texts."""
    called: frozenset[str]
    """The choices that a parenthesis follows, so that they may be names of functions."""


def left_out(template: Template, omitted: Set[str]) -> frozenset[int]:
    """The clauses that go when the parameters of these keys are OMIT."""
    own = {hole.clause for hole in template.holes if hole.key in omitted}
    gone: set[int] = set()
    for index, clause in enumerate(template.clauses):  # an outer clause comes before those inside it
        if index in own or clause.outer in gone:
            gone.add(index)
    return frozenset(gone)


def variant(template: Template, gone: Set[int], texts: Mapping[str, str]) -> Variant:
    """The statement without these clauses, and with these texts for the choices that are left."""
    holes = [hole for hole in template.holes if hole.clause not in gone]
    present = {hole.key for hole in holes}
    chosen = {name: texts[name] for name in template.choices if f"{{{name}}}" in present}
    keys, places = _numbered(holes), {key: index for index, key in enumerate(template.keys)}
    numbers = {key: f"${number}" for number, key in enumerate(keys, 1)}
    puts = [
        (hole.start, hole.end, chosen[hole.key[1:-1]] if hole.key[0] == "{" else numbers[hole.key]) for hole in holes
    ]
    source = template.source
    text, edits = _edited(source, sorted([*puts, *_brackets(template, gone)]))
    starts = {hole.start: hole.key[1:-1] for hole in holes if hole.key[0] == "{"}
    called = frozenset(starts[e.source_start] for e in edits if e.source_start in starts and _is_called(text, e.end))
    taken = tuple(places[key] for key in keys)
    if template.statement.names:
        statement = Statement(text, source, tuple(key[1:] for key in keys), 0, edits)
    else:
        statement = Statement(text, source, (), len(keys), edits, tuple(int(key[1:]) for key in keys))
    return Variant(statement, taken, frozenset(gone), tuple(chosen.items()), called)


def _is_called(text: str, offset: int) -> bool:
    following = next((token for token in tokenize(text, offset) if token.kind not in BLANK), None)
    return following is not None and text[following.start] == "("


def _numbered(holes: Sequence[Hole]) -> list[str]:
    """The keys of the parameters in the order of their new numbers: names as they come, numbers as they were."""
    keys = list(dict.fromkeys(hole.key for hole in holes if hole.key[0] != "{"))
    return sorted(keys, key=lambda key: int(key[1:])) if keys and keys[0][0] == "$" else keys


def _brackets(template: Template, gone: Set[int]) -> Iterator[tuple[int, int, str]]:
    """The stretches that a blank takes the place of: brackets, and clauses that are left out."""
    for index, clause in enumerate(template.clauses):
        if index not in gone:
            yield clause.start, clause.start + 2, " "
            yield clause.end - 2, clause.end, " "
        elif clause.outer not in gone:
            yield clause.start, clause.end, " "


def _edited(source: str, puts: Sequence[tuple[int, int, str]]) -> tuple[str, tuple[Edit, ...]]:
    pieces: list[str] = []
    edits: list[Edit] = []
    size = done = 0
    for start, end, text in puts:
        pieces += source[done:start], text
        size += start - done + len(text)
        edits.append(Edit(size - len(text), size, start, end))
        done = end
    return "".join((*pieces, source[done:])), tuple(edits)


def selections(template: Template, limit: int) -> list[frozenset[int]] | None:
    """Every set of clauses that can be left out together, the empty one first; None for more than ``limit``.

    Those are the unions of what each parameter leaves out alone, and they are built up from parameter to parameter.
    """
    found = {0: None}  # as bits, which join a thousand times faster than sets
    for key in template.omittable:
        alone = sum(1 << index for index in left_out(template, {key}))
        found |= dict.fromkeys([gone | alone for gone in found])
        if len(found) > limit:
            return None
    indexes = range(len(template.clauses))
    return [frozenset(index for index in indexes if gone >> index & 1) for gone in sorted(found)]


def variants(template: Template, texts: Mapping[str, Sequence[str]], limit: int) -> list[Variant] | None:
    """Every statement that a template stands for when each choice has these texts; None when there are too many.

    The first has all clauses in and the first text of each choice.
    """
    selected = selections(template, limit)
    if selected is None:
        return None
    found: list[Variant] = []
    for gone in selected:
        left = {hole.key[1:-1]: None for hole in template.holes if hole.key[0] == "{" and hole.clause not in gone}
        for chosen in product(*(dict.fromkeys(texts[name]) for name in left)):
            if len(found) == limit:
                return None
            found.append(variant(template, gone, dict(zip(left, chosen, strict=True))))
    return found
