"""Names and texts written into SQL."""

from __future__ import annotations

from assay.errors import UsageError

LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps (``NAMEDATALEN`` less one, manual section 4.1.1); it cuts off the rest."""


def quote_identifier(name: str) -> str:
    """A name as a quoted identifier, whatever characters it is made of (manual section 4.1.1).

    Raises UsageError for a name that PostgreSQL cannot have: an empty one, one with a NUL or half a surrogate pair,
    and one of more than 63 bytes, which the server would cut short without an error, so that two names become one.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise UsageError(f"The name {name!r} is not valid Unicode, so no object can be called that") from None
    if not name:
        raise UsageError("A name in SQL cannot be empty")
    if "\0" in name:
        raise UsageError(f"The name {name!r} has a NUL in it, which PostgreSQL does not allow")
    if size > LONGEST_NAME:
        raise UsageError(f"The name {name!r} is {size} bytes long; PostgreSQL keeps {LONGEST_NAME}, so shorten it")
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A text as a string constant, whatever ``standard_conforming_strings`` is (manual section 4.1.2.2).

    Raises UsageError for a text with a NUL, which PostgreSQL cannot keep.
    """
    if "\0" in text:
        raise UsageError("A text in SQL cannot have a NUL in it")
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"
