"""Arrays that come as text, such as citext[] and tsvector[]: read here instead of by the driver.

asyncpg (0.31, 0.32) takes most types in binary form, and those that it has no binary form for as text. Of an array in
text form it loses empty elements, and the list that it makes ends with places that hold no object at all: who looks at
one ends the process. So the arrays of such types get a codec of ours in each session that returns one.

The format is in the manual's section 8.15.6 (src/backend/utils/adt/arrayfuncs.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from assay.runtime.connecting import DriverConnection

_BUILT_IN = frozenset({"refcursor[]", "tsquery[]", "tsvector[]"})
"""The built-in ones that have a value of no characters."""

_ELEMENTS = """
with recursive element (array_oid, delimiter, kind, base) as (
    select a.oid, e.typdelim::text, e.typtype::text, e.typbasetype
    from pg_catalog.pg_type a join pg_catalog.pg_type e on e.oid = a.typelem
    where a.oid = any ($1::oid[])
    union all
    select d.array_oid, d.delimiter, b.typtype::text, b.typbasetype
    from element d join pg_catalog.pg_type b on b.oid = d.base
    where d.kind = 'd'
)
select array_oid, delimiter from element where kind = 'b'
"""
"""Arrays whose elements, or the types that these are domains of, are neither enums nor composites nor ranges."""

_known: WeakKeyDictionary[DriverConnection, set[int]] = WeakKeyDictionary()
"""The array types looked at in each connection."""


async def prepare(driver: DriverConnection, text: str, name: str | None = None) -> PreparedStatement[asyncpg.Record]:
    """Prepare a statement, under a name if one is given, so that all arrays in its result are read without a loss."""
    statement = await driver.prepare(text, name=name)
    known = _known.setdefault(driver, set())
    new = {kind.oid: kind for _, kind in statement.get_attributes() if _may_be_text(kind)}
    for oid in known:
        new.pop(oid, None)
    if not new:
        return statement
    for oid, delimiter in await driver.fetch(_ELEMENTS, [*new]):
        _register(driver, new[oid], delimiter)
    known.update(new)
    return await driver.prepare(text, name=name)  # without a name, the statement is gone after another one


def _may_be_text(kind: asyncpg.Type) -> bool:
    return kind.kind == "array" and (kind.schema != "pg_catalog" or kind.name in _BUILT_IN)


def _register(driver: DriverConnection, kind: asyncpg.Type, delimiter: str) -> None:
    """What ``set_type_codec`` does for scalar types; for arrays the driver's public interface has nothing."""
    settings: Any = driver._protocol.get_settings()  # type: ignore[attr-defined]  # noqa: SLF001
    settings.add_python_codec(
        *(kind.oid, kind.name, kind.schema, [], "scalar"),
        lambda values: write_array(values, delimiter),
        lambda text: read_array(text, delimiter),
        "text",
    )


def read_array(text: str, delimiter: str = ",") -> list[Any]:
    """The elements of an array in text form: strings, None, and lists where it has several dimensions."""
    between = re.escape(delimiter)
    token = re.compile(rf'''([{{}}{between}])|"((?:[^"\\]|\\.)*+)"|([^{{}}"{between}]++)''', re.DOTALL)
    inside: list[list[Any]] = [[]]
    for mark, quoted, plain in token.findall(text, text.index("{")):  # the bounds of its dimensions may stand before
        if mark == "{":
            inside.append([])
        elif mark == "}":
            ended = inside.pop()
            inside[-1].append(ended)
        elif not mark:
            inside[-1].append(_unescaped(quoted) if not plain else None if plain == "NULL" else plain)
    array: list[Any] = inside[0][0]
    return array


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) if "\\" in text else text


def write_array(values: Iterable[Any], delimiter: str = ",") -> str:
    """An array in text form. Raises TypeError for elements that are no strings, and for a string alone."""
    if isinstance(values, str | bytes | Mapping):
        raise TypeError(f"a list is expected (got type {type(values).__name__!r})")
    return "{" + delimiter.join(_written(value, delimiter) for value in values) + "}"


def _written(value: Any, delimiter: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    if isinstance(value, list | tuple | set | frozenset):
        return write_array(value, delimiter)
    raise TypeError(f"expected str, got {type(value).__name__}")
