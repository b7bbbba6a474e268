"""The binary forms of arrays, ranges and composites: what array_send, range_send and record_send of the server make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from itertools import islice
from struct import pack, unpack_from
from typing import Any

import asyncpg
from asyncpg.protocol.protocol import _create_record  # type: ignore[attr-defined]  # not in its stubs

from assay.runtime.sync.codecs.codec import Codec, Decode, Encode

MAX_DIMENSIONS = 6
_NULL = b"\xff\xff\xff\xff"
_EMPTY, _LOWER_INCLUDED, _UPPER_INCLUDED, _NO_LOWER, _NO_UPPER = 1, 2, 4, 8, 16


class TypeChanged(Exception):
    """A composite has other attributes than when the session first saw its type."""


# --- arrays


def decode_array(element: Decode) -> Decode:
    """Lists, in lists for each further dimension; where numbering starts is not kept."""

    def decode(data: Any) -> list[Any]:
        (dimensions,) = unpack_from("!i", data)
        if dimensions == 0:
            return []
        sizes = unpack_from("!" + "i4x" * dimensions, data, 12)
        return nested(_values(data, 12 + 8 * dimensions, element), sizes)

    return decode


def nested(values: Iterator[Any], sizes: Sequence[int]) -> list[Any]:
    """Values in lists of these sizes, the outermost first."""
    if len(sizes) == 1:
        return list(islice(values, sizes[0]))
    return [nested(values, sizes[1:]) for _ in range(sizes[0])]


def _values(data: Any, start: int, element: Decode) -> Iterator[Any]:
    end = len(data)
    while start < end:
        (size,) = unpack_from("!i", data, start)
        start += 4
        yield None if size < 0 else element(data[start : start + size])
        start += max(size, 0)


def encode_array(element: Encode, oid: int) -> Encode:
    """Sized iterables; those inside of them are further dimensions, tuples excepted."""

    def encode(values: Any) -> bytes:
        sizes = shape(values)
        head = pack("!iiI", len(sizes), 0, oid) + b"".join(pack("!ii", size, 1) for size in sizes)
        return head + b"".join(sized(encoded(element, value, index)) for index, value in flat(values, len(sizes)))

    return encode


def shape(values: Any) -> list[int]:
    """The size of each dimension. Raises TypeError for what is no array, ValueError for one with gaps."""
    if not _is_array(values):
        raise TypeError(f"a sized iterable container expected (got type {type(values).__name__!r})")
    inner = [_is_array(value) and not isinstance(value, tuple) for value in values]
    if not any(inner):
        return [len(values)]
    shapes = [shape(value) if is_array else [] for is_array, value in zip(inner, values, strict=True)]
    if any(other != shapes[0] for other in shapes):
        raise ValueError("non-homogeneous array")
    if len(shapes[0]) >= MAX_DIMENSIONS:
        raise ValueError(f"number of array dimensions exceed the maximum expected ({MAX_DIMENSIONS})")
    return [len(values), *shapes[0]]


def flat(values: Iterable[Any], dimensions: int) -> Iterator[tuple[int, Any]]:
    """The elements of an array, each with its number in its innermost list."""
    if dimensions == 1:
        yield from enumerate(values)
        return
    for value in values:
        yield from flat(value, dimensions - 1)


def encoded(element: Encode, value: Any, index: int) -> bytes | None:
    """An element's form. Raises ValueError with its number where its type is wrong."""
    try:
        return None if value is None else element(value)
    except TypeError as error:
        raise ValueError(f"invalid array element at index {index}: {error}") from None


def sized(data: bytes | None) -> bytes:
    """A value with its size in front."""
    return _NULL if data is None else pack("!i", len(data)) + data


def _is_array(value: Any) -> bool:
    return (
        isinstance(value, Iterable)
        and isinstance(value, Sized)
        and not isinstance(value, (str, bytes, bytearray, memoryview, Mapping))
    )


# --- ranges


def decode_range(bound: Decode) -> Decode:
    """asyncpg's Range."""

    def decode(data: Any) -> asyncpg.Range[Any]:
        flags = data[0]
        if flags & _EMPTY:
            return asyncpg.Range(empty=True)
        bounds = _values(data, 1, bound)
        lower = None if flags & _NO_LOWER else next(bounds)
        upper = None if flags & _NO_UPPER else next(bounds)
        included = bool(flags & _LOWER_INCLUDED), bool(flags & _UPPER_INCLUDED)
        return asyncpg.Range(lower, upper, lower_inc=included[0], upper_inc=included[1])

    return decode


def encode_range(bound: Encode) -> Encode:
    """A Range; or a list or tuple of none, one or two bounds, both included."""

    def encode(value: Any) -> bytes:
        given = as_range(value)
        if given.isempty:
            return bytes([_EMPTY])
        flags = _LOWER_INCLUDED * given.lower_inc | _UPPER_INCLUDED * given.upper_inc
        flags |= _NO_LOWER * (given.lower is None) | _NO_UPPER * (given.upper is None)
        bounds = [sized(bound(end)) for end in (given.lower, given.upper) if end is not None]
        return bytes([flags]) + b"".join(bounds)

    return encode


def as_range(value: Any) -> asyncpg.Range[Any]:
    """The Range that a value stands for. Raises TypeError or ValueError when it stands for none."""
    if isinstance(value, asyncpg.Range):
        return value
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"list, tuple or Range object expected (got type {type(value)})")
    if len(value) > 2:
        raise ValueError(f"expected 0, 1 or 2 elements in range (got {len(value)})")
    return asyncpg.Range(*value, upper_inc=True) if value else asyncpg.Range(empty=True)


def decode_multirange(bound: Decode) -> Decode:
    """A list of Ranges."""
    decode_one = decode_range(bound)
    return lambda data: list(_values(data, 4, decode_one))


def encode_multirange(bound: Encode) -> Encode:
    """A sequence of what a range takes."""
    encode_one = encode_range(bound)

    def encode(values: Any) -> bytes:
        if not isinstance(values, Sequence):
            raise TypeError(f"expected a sequence (got type {type(values).__name__!r})")
        return pack("!i", len(values)) + b"".join(sized(encode_one(value)) for value in values)

    return encode


# --- composites


def make_record(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    """Makes asyncpg's Record, with these names, of values."""
    mapping = {name: index for index, name in enumerate(names)}
    return lambda values: _create_record(mapping, tuple(values))


def decode_composite(names: Sequence[str], attributes: Sequence[Codec]) -> Decode:
    """asyncpg's Record. Raises TypeChanged when the attributes are not these."""
    make = make_record(names)
    oids = [attribute.type.oid for attribute in attributes]
    decoders = [attribute.decode or _unreadable for attribute in attributes]

    def decode(data: Any) -> Any:
        found = list(_attributes(data))
        if [oid for oid, _ in found] != oids:
            raise TypeChanged(f"unexpected number or types of attributes of composite type: {len(found)}")
        return make([
            None if part is None else decoder(part) for decoder, (_, part) in zip(decoders, found, strict=True)
        ])  # fmt: skip

    return decode


def decode_record(decoder_of: Callable[[int], Decode]) -> Decode:
    """A tuple, of a row of no declared type; each attribute says its own."""
    return lambda data: tuple(None if part is None else decoder_of(oid)(part) for oid, part in _attributes(data))


def encode_composite(names: Sequence[str], attributes: Sequence[Codec]) -> Encode:
    """A tuple or list in the order of the attributes, or a mapping by their names."""

    def encode(value: Any) -> bytes:
        values = as_attributes(value, names)
        parts = [
            pack("!I", attribute.type.oid) + sized(None if part is None else attribute.form(part))
            for attribute, part in zip(attributes, values, strict=False)  # the server refuses too few of them
        ]
        return pack("!i", len(parts)) + b"".join(parts)

    return encode


def as_attributes(value: Any, names: Sequence[str]) -> list[Any]:
    """A composite's values in order. Raises TypeError or ValueError when they are not one."""
    if isinstance(value, Mapping):
        unknown = next((name for name in value if name not in names), None)
        if unknown is not None:
            raise ValueError(f"{unknown!r} is not a valid element of the composite type")
        return [value.get(name) for name in names]
    values = list(value)
    if len(values) > len(names):
        raise ValueError(f"too many elements for the composite type: {len(values)}, it has {len(names)}")
    return values


def _attributes(data: Any) -> Iterator[tuple[int, Any]]:
    (count,) = unpack_from("!i", data)
    start = 4
    for _ in range(count):
        oid, size = unpack_from("!Ii", data, start)
        start += 8
        yield oid, None if size < 0 else data[start : start + size]
        start += max(size, 0)


def _unreadable(data: Any) -> Any:
    raise TypeError("its binary form cannot be decoded")
