"""Whether a driver can send an argument for a parameter.

The types of parameters are what the server chooses when it is told none. asyncpg goes by them, as Assay does. Other
drivers tell the server the types of the values, or write them into the statement, so that the server may choose another
operator and convert: there, only what no operator and no cast would take is wrong.
"""

from __future__ import annotations

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
        # A project may have set a codec of its own for JSON, as asyncpg's manual shows.
        return None if _holds_json(pg) else argument_misfit(pg, annotation)
    return _far_apart(pg, annotation)


def _holds_json(pg: PgType) -> bool:
    return pg.name in _JSON or (pg.element is not None and _holds_json(pg.element))


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
    values = literal_values(member)
    kind = type(values[0]) if values else class_of(member)
    names = ancestors(kind) if kind is not None else ()
    return next((_FAMILIES[name] for name in names if name in _FAMILIES), None)
