"""The types that a session has met, and how their values travel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg
import msgspec
import psycopg
from psycopg.adapt import AdaptersMap, Loader, Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult
from psycopg.types import bool as psycopg_bool
from psycopg.types import numeric, string, uuid

from assay.errors import ParameterError
from assay.runtime.sync.codecs import containers, literals
from assay.runtime.sync.codecs.codec import Codec, Decode, Read
from assay.runtime.sync.codecs.table import builtin, enum_codec, text_codec

FIRST_OF_USERS = 10_000
"""From this number on, the same type can have another in another database (src/include/access/transam.h)."""

_RECORD, _TIMESTAMPTZ = 2249, 1184
_QUICK: Mapping[int, type[Loader]] = dict.fromkeys((19, 25, 114, 1042, 1043), string.TextBinaryLoader) | {
    16: psycopg_bool.BoolBinaryLoader,
    17: string.ByteaBinaryLoader,
    20: numeric.Int8BinaryLoader,
    21: numeric.Int2BinaryLoader,
    23: numeric.Int4BinaryLoader,
    700: numeric.Float4BinaryLoader,
    701: numeric.Float8BinaryLoader,
    1700: numeric.NumericBinaryLoader,
    2950: uuid.UUIDBinaryLoader,
}
"""psycopg's own loaders, where they give the same values; they are written in C."""


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A type as pg_type has it, with what it is made of; a number is 0 where there is no such part."""

    oid: int
    schema: str
    name: str
    kind: str
    """pg_type.typtype."""
    element: int
    """Of a true array."""
    base: int
    """Of a domain."""
    bound: int
    """Of a range or multirange."""
    attributes: tuple[tuple[int, str], ...]
    """Of a composite, each with its name."""
    delimiter: str

    @property
    def parts(self) -> tuple[int, ...]:
        """The types that its values hold values of."""
        return tuple(oid for oid in (self.element, self.base, self.bound) if oid) + tuple(
            oid for oid, _ in self.attributes
        )


QUERY = """
select kind.oid, space.nspname, kind.typname, kind.typtype,
    case when kind.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc then kind.typelem else 0 end,
    kind.typbasetype, coalesce(one.rngsubtype, several.rngsubtype, 0),
    (select pg_catalog.json_agg(pg_catalog.json_build_array(part.atttypid::pg_catalog.int8, part.attname)
            order by part.attnum)
        from pg_catalog.pg_attribute part
        where kind.typtype = 'c' and part.attrelid = kind.typrelid and part.attnum > 0 and not part.attisdropped),
    kind.typdelim
from pg_catalog.pg_type kind join pg_catalog.pg_namespace space on space.oid = kind.typnamespace
    left join pg_catalog.pg_range one on one.rngtypid = kind.oid
    left join pg_catalog.pg_range several on several.rngmultitypid = kind.oid
where kind.oid in ({})
"""
"""What a session asks about types that it has not met: see :meth:`Types.unknown`."""


def type_row(values: Sequence[Any]) -> TypeRow:
    """A row of QUERY, in text."""
    oid, schema, name, kind, element, base, bound, attributes, delimiter = values
    pairs = msgspec.json.decode(attributes, type=tuple[tuple[int, str], ...]) if attributes else ()
    return TypeRow(int(oid), schema, name, kind, int(element), int(base), int(bound), pairs, delimiter)


_everywhere: dict[int, TypeRow] = {}
"""Rows of types whose numbers are the same in every database."""


class Types:
    """Codecs by the number of the type, and psycopg's loaders made of them.

    It is the adaptation context of the session's results, so that ``Connection.driver`` keeps psycopg's own.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.adapters = AdaptersMap()
        self.encoding = connection.info.encoding
        """Python's name of the client encoding."""
        self._settings = _settings(connection)
        self._codecs: dict[int, Codec] = {}
        self._rows: dict[int, TypeRow] = {}
        self._results: Any = Transformer(self)

    def rows(self, result: PGresult) -> Sequence[tuple[Any, ...]]:
        """The rows of a result, whose types are known."""
        self._results.set_pgresult(result)
        rows: Sequence[tuple[Any, ...]] = self._results.load_rows(0, result.ntuples, tuple)
        return rows

    @property
    def are_current(self) -> bool:
        """Whether the session is still set as when its texts were first read."""
        return self._settings == _settings(self.connection)

    def unknown(self, oids: Iterable[int]) -> set[int]:
        """Of these types and their parts, those that the server must be asked about."""
        lacking: set[int] = set()
        rows = [self._row(oid, lacking) for oid in oids]
        while rows:
            row = rows.pop()
            rows += [self._row(oid, lacking) for oid in row.parts] if row else []
        return lacking

    def learn(self, row: TypeRow) -> None:
        """Keep what the server said of a type."""
        (_everywhere if row.oid < FIRST_OF_USERS else self._rows)[row.oid] = row

    def codec(self, oid: int) -> Codec:
        """How values of a type travel; it and its parts must be known.

        Raises ParameterError for a type that values of do not travel at all.
        """
        found = self._codecs.get(oid)
        if found is None:
            found = self._codecs[oid] = self._made(oid)
            self._register(oid, found)
        return found

    def _row(self, oid: int, lacking: set[int]) -> TypeRow | None:
        """What is known of a type with parts; None for one without, and for one that is put with the lacking."""
        row = self._rows.get(oid) or _everywhere.get(oid)
        if row is None and oid not in self._codecs and oid != _RECORD and self._builtin(oid) is None:
            lacking.add(oid)
        return row

    def _builtin(self, oid: int) -> Codec | None:
        return builtin(oid, self.encoding, self._reader)

    def _made(self, oid: int) -> Codec:
        if oid == _RECORD:
            kind = asyncpg.Type(oid, "record", "scalar", "pg_catalog")
            return Codec(kind, containers.decode_record(self._decoder), _unreadable_record, None)
        row = self._rows.get(oid) or _everywhere.get(oid)
        if row is None:
            found = self._builtin(oid)
            if found is None:
                raise ParameterError(f"The server does not know the type with the number {oid} any more")
            return found
        if row.element:
            return self._array(row)
        return _BY_KIND.get(row.kind, Types._refused)(self, row)

    def _array(self, row: TypeRow) -> Codec:
        element = self.codec(row.element)
        kind = asyncpg.Type(row.oid, f"{row.name.removeprefix('_')}[]", "array", row.schema)
        encode = None
        if element.encode is not None and element.sends_binary:
            encode = containers.encode_array(element.encode, row.element)
        elif element.encode is not None:
            encode = literals.encode_array_text(element.encode, row.delimiter)
        return Codec(
            kind,
            element.decode and containers.decode_array(element.decode),
            literals.read_array(element.read, row.delimiter),
            encode,
            sends_binary=element.sends_binary,
        )

    def range(self, row: TypeRow) -> Codec:
        """A range's codec."""
        bound = self.codec(row.bound)
        encode = containers.encode_range(bound.encode) if bound.encode and bound.sends_binary else None
        kind = asyncpg.Type(row.oid, row.name, "range", row.schema)
        return Codec(
            kind, bound.decode and containers.decode_range(bound.decode), literals.read_range(bound.read), encode
        )

    def multirange(self, row: TypeRow) -> Codec:
        """A multirange's codec."""
        bound = self.codec(row.bound)
        encode = containers.encode_multirange(bound.encode) if bound.encode and bound.sends_binary else None
        decode = bound.decode and containers.decode_multirange(bound.decode)
        kind = asyncpg.Type(row.oid, row.name, "multirange", row.schema)
        return Codec(kind, decode, literals.read_multirange(bound.read), encode)

    def composite(self, row: TypeRow) -> Codec:
        """A composite's codec."""
        names = [name for _, name in row.attributes]
        attributes = [self.codec(oid) for oid, _ in row.attributes]
        binary = all(attribute.decode for attribute in attributes)
        sends = all(attribute.encode and attribute.sends_binary for attribute in attributes)
        return Codec(
            asyncpg.Type(row.oid, row.name, "composite", row.schema),
            containers.decode_composite(names, attributes) if binary else None,
            literals.read_composite(names, attributes),
            containers.encode_composite(names, attributes) if sends else None,
        )

    def domain(self, row: TypeRow) -> Codec:
        """A domain's codec is its base's."""
        return self.codec(row.base)

    def enum(self, row: TypeRow) -> Codec:
        """An enum's codec."""
        return enum_codec(asyncpg.Type(row.oid, row.name, "scalar", row.schema), self.encoding)

    def base(self, row: TypeRow) -> Codec:
        """The codec of a type that an extension added: its text."""
        if row.oid < FIRST_OF_USERS:
            return self._refused(row)
        return text_codec(asyncpg.Type(row.oid, row.name, "scalar", row.schema), self.encoding)

    def _refused(self, row: TypeRow) -> Codec:
        raise ParameterError(f"unhandled standard data type {row.name!r} (OID {row.oid})")

    def _decoder(self, oid: int) -> Decode:
        """For the attributes of a row without a declared type, which are not known before it is there."""
        if self.unknown([oid]):
            raise ValueError(f"an attribute of a row without a declared type is of the type number {oid}")
        return self.codec(oid).decode or _undecodable

    def _register(self, oid: int, codec: Codec) -> None:
        quick = _QUICK.get(oid)
        if quick is not None:
            self.adapters.register_loader(oid, quick)
        elif codec.decode is not None:
            self.adapters.register_loader(oid, _loader(Format.BINARY, codec.decode))
        self.adapters.register_loader(oid, _loader(Format.TEXT, partial(_read, self.encoding, codec.read)))

    def _reader(self, oid: int) -> Read:
        """Reads a type of time in the style that the session is set to."""
        kind = psycopg.adapters.get_loader(oid, Format.TEXT)
        if kind is None:
            raise LookupError(f"psycopg does not read the type number {oid}")
        load: Callable[[Any], Any] = kind(oid, self.connection).load
        ends = _ENDS_OF_DAYS if oid == _DATE else _ENDS

        def read(text: str) -> Any:
            if text in ends:
                return ends[text]
            try:
                value = load(text.encode())
            except (psycopg.DataError, NotImplementedError) as error:
                raise ValueError(str(error)) from error
            return value.astimezone(dt.UTC) if oid == _TIMESTAMPTZ else value

        return read


_DATE = 1082
_ENDS_OF_DAYS = {"infinity": dt.date.max, "-infinity": dt.date.min}
_ENDS = {"infinity": dt.datetime.max, "-infinity": dt.datetime.min}

_BY_KIND: dict[str, Callable[[Types, TypeRow], Codec]] = {
    "r": Types.range,
    "m": Types.multirange,
    "c": Types.composite,
    "d": Types.domain,
    "e": Types.enum,
    "b": Types.base,
}


def _settings(connection: psycopg.Connection[Any]) -> tuple[bytes | None, ...]:
    status = connection.pgconn.parameter_status
    return tuple([status(name) for name in (b"client_encoding", b"DateStyle", b"IntervalStyle", b"TimeZone")])


def _loader(format: Format, load: Callable[[Any], Any]) -> type[Loader]:  # noqa: A002 - psycopg's word
    return type("Loaded", (Loader,), {"format": format, "load": staticmethod(load)})


def _read(encoding: str, read: Read, data: Any) -> Any:
    return read(str(data, encoding))


def _undecodable(data: Any) -> Any:
    raise ValueError("an attribute of a row without a declared type has no binary form that can be decoded")


def _unreadable_record(text: str) -> Any:
    raise ValueError("a row without a declared type stands beside a column that is fetched as text")
