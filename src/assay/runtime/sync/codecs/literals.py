"""The text forms of arrays, ranges and composites (manual, sections 8.15.6, 8.16.6 and 8.17.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import asyncpg

from assay.runtime.sync.codecs.codec import Codec, Encode, Read
from assay.runtime.sync.codecs.containers import encoded, flat, make_record, shape

_PLAIN_ELEMENT = re.compile(rb"[^\s\"\\{},;]+")


def read_array(element: Read, delimiter: str) -> Read:
    """Lists, in lists for each further dimension."""
    tokens = re.compile(rf'[{{}}{delimiter}]|"(?:[^"\\]|\\.)*"|[^{{}}{delimiter}"]+', re.DOTALL)

    def read(text: str) -> list[Any]:
        _, _, body = text.partition("=") if text.startswith("[") else ("", "", text)
        stack: list[list[Any]] = [[]]
        for token in tokens.findall(body):
            if token == "{":
                stack.append([])
            elif token == "}":
                done = stack.pop()
                stack[-1].append(done)
            elif token != delimiter:
                stack[-1].append(None if token == "NULL" else element(_unquoted(token)))
        return list(stack[0][0])

    return read


def encode_array_text(element: Encode, delimiter: str) -> Encode:
    """The same the other way, of elements whose text form ``element`` makes."""

    def encode(values: Any) -> bytes:
        sizes = shape(values)
        parts = (_quoted(encoded(element, value, index)) for index, value in flat(values, len(sizes)))
        return _braced(iter(parts), sizes, delimiter.encode())

    return encode


def read_range(bound: Read) -> Read:
    """asyncpg's Range, of ``empty``, ``[1,2)``, ``(,"a b"]``."""

    def read(text: str) -> asyncpg.Range[Any]:
        if text == "empty":
            return asyncpg.Range(empty=True)
        lower, upper = (None if part is None else bound(part) for part in _fields(text[1:-1]))
        return asyncpg.Range(lower, upper, lower_inc=text[0] == "[", upper_inc=text[-1] == "]")

    return read


_RANGES = re.compile(r'[\[(](?:[^"\[\]()]|"(?:[^"\\]|\\.|"")*")*[\])]')


def read_multirange(bound: Read) -> Read:
    """A list of Ranges, of ``{[1,2),[3,4)}``."""
    read_one = read_range(bound)
    return lambda text: [read_one(found) for found in _RANGES.findall(text)]


def read_composite(names: Sequence[str], attributes: Sequence[Codec]) -> Read:
    """asyncpg's Record, of ``(1,"a b",)``."""
    make: Callable[[Sequence[Any]], Any] = make_record(names)
    readers = [attribute.read for attribute in attributes]

    def read(text: str) -> Any:
        parts = _fields(text[1:-1]) if readers else []
        return make([None if part is None else read(part) for read, part in zip(readers, parts, strict=True)])

    return read


_FIELD = re.compile(r'((?:[^",\\]|\\.|"(?:[^"\\]|\\.|"")*")*)(,|\Z)', re.DOTALL)


def _fields(text: str) -> Iterator[str | None]:
    """What commas divide; None for what is not there at all."""
    start = 0
    while True:
        found = _FIELD.match(text, start)
        if found is None:
            raise ValueError("a value in its text form ends too early")
        yield _unquoted(found[1]) if found[1] else None
        if not found[2]:
            return
        start = found.end()


_ESCAPED = re.compile(r'\\(.)|""', re.DOTALL)


def _unquoted(text: str) -> str:
    """The server puts quotes around the whole of a value or nowhere."""
    return _ESCAPED.sub(lambda found: found[1] or '"', text[1:-1]) if text.startswith('"') else text


def _quoted(data: bytes | None) -> bytes:
    if data is None:
        return b"NULL"
    if _PLAIN_ELEMENT.fullmatch(data) and data.upper() != b"NULL":
        return data
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", data) + b'"'


def _braced(parts: Iterator[bytes], sizes: Sequence[int], delimiter: bytes) -> bytes:
    inner = (next(parts) if len(sizes) == 1 else _braced(parts, sizes[1:], delimiter) for _ in range(sizes[0]))
    return b"{" + delimiter.join(inner) + b"}"
