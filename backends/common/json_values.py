"""JSON values that PostgreSQL can store."""

from __future__ import annotations

from typing import Any

from .texts import storable

DEPTH = 100
"""How deep a value may be nested."""


def storable_json(value: Any) -> Any:
    """The value, if PostgreSQL can store it as json or jsonb.

    Raises:
        ValueError: it holds NUL, half of a surrogate pair or a number that is not finite, or is nested too deep.
    """
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEPTH:
            raise ValueError(f"this is nested more than {DEPTH} levels deep")
        if isinstance(one, str) and not storable(one):
            raise ValueError("the text holds characters that cannot be stored")
        if isinstance(one, float) and (one != one or one in (float("inf"), float("-inf"))):
            raise ValueError("a number must be finite")
        if isinstance(one, dict):
            waiting += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, list):
            waiting += [(part, depth + 1) for part in one]
    return value
