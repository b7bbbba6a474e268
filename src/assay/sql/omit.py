"""The value that leaves a clause out."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Omitted(Enum):
    """The type of ``assay.OMIT``: annotate a parameter ``price: Decimal | Omitted = OMIT``.

    An enum with one member, so that type checkers narrow ``price is OMIT``, and a copy is the same object.
    """

    OMIT = ...  # which nothing encodes, also not as JSON

    def __repr__(self) -> str:
        return "assay.OMIT"


OMIT: Final = Omitted.OMIT
"""Passed as an argument, it leaves out the clauses, ``[[ ... ]]``, that the parameter stands in."""
