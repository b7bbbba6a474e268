"""Whether a driver can send an argument for a parameter.

The types of parameters are what the server chooses when it is told none. asyncpg goes by them, as Assay does. Other
drivers tell the server the types of the values, or write them into the statement, so that the server may choose another
operator and convert: there, only what no operator and no cast would take is wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from assay.pgtypes.hints import ancestors, class_of, literal_values, read_hint
from assay.pgtypes.model import PgType
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.python import Misfit, python_type
from assay.proof.discover.libraries import Owner
from assay.proof.discover.surfaces import Surface

_JSON = frozenset({"json", "jsonb"})


def sent_misfit(surface: Surface, pg: PgType, annotation: Any) -> Misfit | None:
    """Why values of an annotation cannot be sent for a parameter by a surface's library; None when they can."""
    if surface.owner is Owner.ASSAY:
        return argument_misfit(pg, annotation)
    if surface.library.binding == "prepared":
        return _by_asyncpg(pg, annotation)
    return _far_apart(pg, annotation)


_ALSO = {"numeric": {"float", "str"}, "timestamptz": {"datetime.date"}, "char": {"str"}}
"""What asyncpg takes as well, without a loss; Assay asks for the type itself."""


def _by_asyncpg(pg: PgType, annotation: Any) -> Misfit | None:
    # A project may have set a codec of its own for JSON, as asyncpg's manual shows.
    if _holds(pg, _JSON) or (pg.element is not None and _holds(pg.element, _ALSO)):
        return None
    members = [part for part in read_hint(annotation).members if not _ALSO.get(pg.name, set()) & set(_names(part))]
    return next((misfit for misfit in (argument_misfit(pg, part) for part in members) if misfit is not None), None)


def _holds(pg: PgType, names: Collection[str]) -> bool:
    return pg.name in names or (pg.element is not None and _holds(pg.element, names))


_FAMILIES = {
    "bool": "truth",
    **dict.fromkeys(("int", "float", "decimal.Decimal"), "number"),
    **dict.fromkeys(("bytes", "bytearray", "memoryview"), "bytes"),
    "datetime.datetime": "moment",
    "uuid.UUID": "uuid",
}
_OF_TYPES = {
    "bool": "truth",
    **dict.fromkeys(("int2", "int4", "int8", "float4", "float8", "numeric"), "number"),
    "bytea": "bytes",
    **dict.fromkeys(("timestamp", "timestamptz"), "moment"),
    "uuid": "uuid",
}
"""Between these families, PostgreSQL has no operators and no casts other than explicit ones."""


def _far_apart(pg: PgType, annotation: Any) -> Misfit | None:
    wanted = _OF_TYPES.get(pg.name) if pg.kind == "base" and pg.schema is None else None
    for member in read_hint(annotation).members if wanted else ():
        family = _family(member)
        if family is not None and family != wanted:
            return Misfit(f"PostgreSQL does not convert it to {pg}", python_type(pg))
    return None


def _family(member: Any) -> str | None:
    return next((_FAMILIES[name] for name in _names(member) if name in _FAMILIES), None)


def _names(member: Any) -> tuple[str, ...]:
    """The full names of the classes that a member's values have, nearest first."""
    values = literal_values(member)
    kind = type(values[0]) if values else class_of(member)
    return ancestors(kind) if kind is not None else ()
