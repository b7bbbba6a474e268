"""Arguments that may be ``assay.OMIT``: what is left of their annotations when they are not."""

from __future__ import annotations

import typing
from typing import Any, Union

from assay.pgtypes.hints import NoneType, read_hint
from assay.proof.discover.model import Call, Place
from assay.proof.findings import Finding, finding
from assay.sql.omit import Omitted


def may_be_omitted(annotation: Any) -> bool:
    """Whether ``OMIT`` is among an annotation's values."""
    return any(map(_is_omitted, read_hint(annotation).members))


def without_omitted(annotation: Any) -> Any:
    """The annotation of the other values, which are sent; None when there are no others."""
    hint = read_hint(annotation)
    others = [member for member in hint.members if not _is_omitted(member)]
    return Union[(*others, *([NoneType] if hint.optional else []))] if others else None


def must_not_be_omitted(call: Call, name: str, place: Place, given: str) -> Finding:
    """The finding for an argument that may be OMIT where nothing can be left out."""
    return finding(
        "ASY302",
        place,
        f"{name} must not be OMIT, {given}",
        because=f"{name} stands outside of [[ ]], so that leaving out a clause does not take it away",
        call=call.place,
        fix=f"put what {name} belongs to into [[ ]], or take Omitted out of the annotation",
    )


def _is_omitted(member: Any) -> bool:
    if typing.get_origin(member) is typing.Literal:
        return all(isinstance(value, Omitted) for value in typing.get_args(member))
    return member is Omitted
