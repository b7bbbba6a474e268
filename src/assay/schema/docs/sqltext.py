"""SQL with its words coloured."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from assay.schema.docs.markup import Child, Html, tag
from assay.sql.lexer import Kind, tokenize

_CLASSES = {
    Kind.COMMENT: "s-comment", Kind.STRING: "s-string", Kind.NUMBER: "s-number", Kind.PARAMETER: "s-parameter",
    Kind.QUOTED: "s-name",
}  # fmt: skip
_KEYWORDS = frozenset(
    """
    action add all alter always and any array as asc atomic begin between by cascade case cast check coalesce
    collate column concurrently conflict constraint create cross current_date current_timestamp current_user
    default deferrable delete desc distinct do domain each else end enable enum except excluded exclude execute
    exists extension false fetch filter first for foreign from full function generated group grouping having
    identity if ilike immutable in index inherits initially inner insert instead intersect interval into is
    isnull join key language last lateral left like limit lock match materialized merge natural no not nothing
    notnull null nulls of offset on only or order outer over partition permissive policy primary procedure
    recursive references replace restrict restrictive returning returns right rollup row rows rule security
    select sequence set sets setof similar stable strict table temporary then to trigger true type union unique
    update using values view virtual volatile when where window with within without
    """.split()  # noqa: SIM905 - a list of a hundred lines says no more
)


def sql_block(text: str) -> Html:
    """A statement as a block of its own."""
    return tag("pre", tag("code", sql_words(_outdented(text))), class_="sql")


def sql_inline(text: str) -> Html:
    """A piece of a statement within a line."""
    return tag("code", sql_words(text), class_="sql")


def sql_words(text: str) -> list[Child]:
    """The same text, its words in elements that a style sheet colours."""
    return list(_words(text))


def _words(text: str) -> Iterator[Child]:
    for token in tokenize(text):
        word = text[token.start : token.end]
        name = _CLASSES.get(token.kind)
        if token.kind is Kind.WORD and word.lower() in _KEYWORDS:
            name = "s-keyword"
        yield tag("span", word, class_=name) if name else word


def _outdented(text: str) -> str:
    """Without the indentation that it has in the code around it."""
    first, line, rest = text.strip("\n").rstrip().partition("\n")
    if not line or first.startswith((" ", "\t")):
        return textwrap.dedent(text.strip("\n").rstrip())
    return f"{first}\n{textwrap.dedent(rest)}"
