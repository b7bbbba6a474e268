"""Whether the values of one type can be cast to another, or have to go through text."""

from __future__ import annotations

import re

_LIMITS = re.compile(r"\([-\d, ]+\)")
_ARRAY = "[]"
_STRINGS = frozenset({"text", "character varying", "character", "name", "citext"})
"""Every type can be cast to these and from these, by way of how its values are written (manual, CREATE CAST)."""


def has_cast(casts: frozenset[tuple[str, str]], old: str, new: str) -> bool:
    """Whether the server has a cast.

    Args:
        casts: those of the server, as an inventory has them.
        old: the type of the values, as SQL writes it, with limits: ``numeric(10,2)``.
        new: the type that they shall have.
    """
    source, target = _LIMITS.sub("", old), _LIMITS.sub("", new)
    if source.endswith(_ARRAY) and target.endswith(_ARRAY):
        return has_cast(casts, source.removesuffix(_ARRAY), target.removesuffix(_ARRAY))
    return source == target or (source, target) in casts or bool(_STRINGS & {source, target})
