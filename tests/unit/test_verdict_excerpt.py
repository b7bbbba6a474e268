"""The line of a statement that an error points at, and the server's own words."""

from __future__ import annotations

import pytest

from assay.errors import StatementError
from assay.proof.excerpt import excerpt, server_words


@pytest.mark.parametrize(
    ("sql", "offset", "line", "caret"),
    [
        ("select x", 7, "  select x", "         ^"),
        ("select\n  x\nfrom t", 9, "    x", "    ^"),
        ("select\r\n\tx", 9, "   x", "   ^"),
        ("select", 6, "  select", "        ^"),
        ("", 0, "  ", "  ^"),
        ("select 'é', x", 12, "  select 'é', x", "              ^"),
        ("select '漢', x", 12, "  select '漢', x", "               ^"),
    ],
)
def test_a_caret_stands_below_the_character(sql: str, offset: int, line: str, caret: str) -> None:
    assert excerpt(sql, offset) == (line, caret)


def test_a_long_line_is_cut_around_the_character() -> None:
    line, caret = excerpt("x" * 500 + "y" + "x" * 500, 500)
    assert len(line) == 122
    assert line[caret.index("^")] == "y"


@pytest.mark.parametrize(
    ("message", "position"),
    [
        ('column "a" does not exist (line 1, column 8). It is there. Try b', 8),
        ('column "a" does not exist (line 1, column 8)', 8),
        ('column "a" does not exist. It is there. Try b', None),
    ],
)
def test_the_words_of_the_server_come_without_what_was_added(message: str, position: int | None) -> None:
    detail, hint = ("It is there.", "Try b") if "It is" in message else (None, None)
    error = StatementError(message, position=position, detail=detail, hint=hint)
    assert server_words(error) == 'column "a" does not exist'
