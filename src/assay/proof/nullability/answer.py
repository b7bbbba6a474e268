"""The answer to whether something can be NULL, with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Nullness(NamedTuple):
    """Whether a value can be NULL, and why, in words that stand alone."""

    nullable: bool
    reason: str


def never(reason: str) -> Nullness:
    """It is proven not to be NULL."""
    return Nullness(False, reason)


def maybe(reason: str) -> Nullness:
    """It can be NULL, or the contrary is not proven."""
    return Nullness(True, reason)


def unless_any(answers: Iterable[Nullness], otherwise: str) -> Nullness:
    """NULL exactly when some part is: the first part that can be gives the reason."""
    for answer in answers:
        if answer.nullable:
            return answer
    return never(otherwise)


def unless_all(answers: Iterable[Nullness], otherwise: str) -> Nullness:
    """NULL only when every part is: the first part that cannot be gives the reason."""
    for answer in answers:
        if not answer.nullable:
            return answer
    return maybe(otherwise)
