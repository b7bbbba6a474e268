"""The codecs of the built-in types, by their names in pg_type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg.protocol import BUILTIN_TYPE_NAME_MAP
from psycopg.types.numeric import NumericBinaryLoader

from assay.runtime.sync.codecs import moments, numbers, plain, shapes
from assay.runtime.sync.codecs.codec import Codec, Decode, Encode, Read

NAMES: dict[int, str] = {oid: name for name, oid in reversed(BUILTIN_TYPE_NAME_MAP.items())} | {18: "char"}
"""By their numbers; of several names of a type, the first is pg_type's."""


@dataclass(frozen=True, slots=True)
class _Entry:
    decode: Decode | None
    read: Read | None
    """None for one whose text form depends on the session's settings, and is read by psycopg."""
    encode: Encode | None
    delimiter: str = ","


def _whole(size: int, *, signed: bool = True, read: Read = int) -> _Entry:
    return _Entry(numbers.decode_whole(signed=signed), read, numbers.whole(size, signed=signed))


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BYTES = _Entry(bytes, plain.read_bytes, plain.encode_bytes)
_BITS = _Entry(plain.decode_bits, plain.read_bits, plain.encode_bits)
_SNAPSHOT = _Entry(plain.decode_snapshot, plain.read_snapshot, plain.encode_snapshot)
_numeric = NumericBinaryLoader(0)

ENTRIES: dict[str, _Entry] = {
    "bool": _Entry(numbers.decode_bool, numbers.read_bool, numbers.encode_bool),
    "int2": _whole(2),
    "int4": _whole(4),
    "int8": _whole(8),
    "oid": _whole(4, signed=False),
    "xid": _whole(4, signed=False),
    "cid": _whole(4, signed=False),
    "xid8": _whole(8, signed=False),
    "oid8": _whole(8, signed=False),
    "pg_lsn": _whole(8, read=numbers.read_lsn),
    "float4": _Entry(numbers.decode_float4, numbers.read_float4, numbers.encode_float4),
    "float8": _Entry(numbers.decode_float8, float, numbers.encode_float8),
    "numeric": _Entry(_numeric.load, Decimal, numbers.encode_numeric),
    "bytea": _BYTES,
    "char": _Entry(bytes, plain.read_char, plain.encode_bytes),
    "bit": _BITS,
    "varbit": _BITS,
    "uuid": _Entry(lambda data: UUID(bytes=bytes(data)), UUID, plain.encode_uuid),
    "date": _Entry(moments.decode_date, None, moments.encode_date),
    "time": _Entry(moments.decode_time, None, moments.encode_time),
    "timetz": _Entry(moments.decode_timetz, None, moments.encode_timetz),
    "timestamp": _Entry(moments.decode_timestamp, None, moments.encode_timestamp),
    "timestamptz": _Entry(moments.decode_timestamptz, None, moments.encode_timestamptz),
    "interval": _Entry(moments.decode_interval, None, moments.encode_interval),
    "inet": _Entry(plain.decode_inet, plain.read_inet, plain.encode_inet),
    "cidr": _Entry(plain.decode_cidr, ip_network, plain.encode_cidr),
    "point": _Entry(shapes.decode_point, shapes.read_point, shapes.encode_point),
    "line": _Entry(shapes.decode_line, shapes.read_line, shapes.encode_line),
    "lseg": _Entry(shapes.decode_segment, shapes.read_segment, shapes.encode_two_points),
    "box": _Entry(shapes.decode_box, shapes.read_box, shapes.encode_two_points, delimiter=";"),
    "path": _Entry(shapes.decode_path, shapes.read_path, shapes.encode_path),
    "polygon": _Entry(shapes.decode_polygon, shapes.read_polygon, shapes.encode_polygon),
    "circle": _Entry(shapes.decode_circle, shapes.read_circle, shapes.encode_circle),
    "tid": _Entry(plain.decode_tid, plain.read_tid, plain.encode_tid),
    "pg_snapshot": _SNAPSHOT,
    "txid_snapshot": _SNAPSHOT,
    "void": _Entry(plain.nothing, plain.nothing, plain.encode_void),
    "pg_mcv_list": _Entry(bytes, plain.read_bytes, None),
    "pg_brin_bloom_summary": _Entry(bytes, plain.read_bytes, None),
    "pg_brin_minmax_multi_summary": _Entry(bytes, plain.read_bytes, None),
}
"""Types whose forms are no text."""

_TEXTS = _names("text varchar bpchar name xml json unknown cstring refcursor")
"""Both forms are the text."""
_VERSIONED = frozenset({"jsonb", "jsonpath"})
"""The binary form is a 1 and the text."""
_TEXT_ONLY = _names(
    "money tsvector tsquery aclitem regproc regprocedure regoper regoperator regclass regtype regconfig regdictionary "
    "regnamespace regrole regcollation regdatabase macaddr macaddr8 pg_dependencies pg_ndistinct"
)
"""The binary form is a number of the catalog's, or a tree; of a hardware address it is as easy to read as the text."""
_READ_ONLY = frozenset({"pg_node_tree", "anyenum", "gtsvector"})
_HARDWARE = frozenset({"macaddr", "macaddr8"})


def builtin(oid: int, encoding: str, reader: Callable[[int], Read]) -> Codec | None:
    """The codec of a built-in type that has no parts.

    Args:
        oid: of the type.
        encoding: Python's name of the client encoding.
        reader: what reads the text form of a type of time, as the session's settings have it.
    """
    name = NAMES.get(oid, "")
    kind = asyncpg.Type(oid, name, "scalar", "pg_catalog")
    entry = ENTRIES.get(name)
    if entry is not None:
        return Codec(kind, entry.decode, entry.read or reader(oid), entry.encode, delimiter=entry.delimiter)
    if name in _TEXTS | _VERSIONED | _TEXT_ONLY | _READ_ONLY:
        return text_codec(kind, encoding)
    return None


def text_codec(kind: asyncpg.Type, encoding: str) -> Codec:
    """The codec of a type whose values are strings."""
    name = kind.name if kind.schema == "pg_catalog" else ""
    encode = partial(_encode_text, encoding)
    if name in _VERSIONED:
        return Codec(kind, partial(_decode_versioned, encoding), str, lambda value: b"\x01" + encode(value))
    if name in _HARDWARE:
        return Codec(kind, plain.decode_hardware_address, str, encode, sends_binary=False)
    if name in _TEXTS:
        return Codec(kind, partial(_decode_text, encoding), str, encode)
    return Codec(kind, None, str, None if name in _READ_ONLY else encode, sends_binary=False)


def enum_codec(kind: asyncpg.Type, encoding: str) -> Codec:
    """The codec of an enum, whose two forms are the label."""
    return Codec(kind, partial(_decode_text, encoding), str, partial(_encode_text, encoding))


def _decode_text(encoding: str, data: Any) -> str:
    return str(data, encoding)


def _decode_versioned(encoding: str, data: Any) -> str:
    return str(data[1:], encoding)


def _encode_text(encoding: str, value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"expected str, got {type(value).__name__}")
    return value.encode(encoding)
