"""Texts that PostgreSQL can store."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from annotated_types import MaxLen, MinLen, Predicate


def storable(text: str) -> bool:
    """Whether PostgreSQL can store a text: NUL and half of a surrogate pair have no place in UTF-8 columns."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


Text: TypeAlias = Annotated[str, MinLen(1), MaxLen(255), Predicate(storable)]
"""A short text that PostgreSQL can store and index."""

LongText: TypeAlias = Annotated[str, MaxLen(1 << 20), Predicate(storable)]
"""A text of up to a million characters, which may be empty."""
