"""Geometry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from struct import Struct, pack, unpack
from typing import Any

import asyncpg

_TWO, _THREE, _FOUR = Struct("!2d"), Struct("!3d"), Struct("!4d")
_NUMBER = re.compile(r"[^\s,;(){}<>\[\]]+")


def _numbers(text: str) -> list[float]:
    return [float(number) for number in _NUMBER.findall(text)]


def _points(numbers: Iterable[float]) -> list[asyncpg.Point]:
    values = iter(numbers)
    return [asyncpg.Point(x, y) for x, y in zip(values, values, strict=True)]


def decode_point(data: Any) -> asyncpg.Point:
    """Two numbers."""
    return asyncpg.Point(*_TWO.unpack(data))


def read_point(text: str) -> asyncpg.Point:
    """``(x,y)``."""
    return asyncpg.Point(*_numbers(text))


def encode_point(value: Any) -> bytes:
    """A Point or a pair."""
    return _TWO.pack(value[0], value[1])


def decode_line(data: Any) -> asyncpg.Line:
    """The three numbers of its equation."""
    return asyncpg.Line(*_THREE.unpack(data))


def read_line(text: str) -> asyncpg.Line:
    """``{A,B,C}``."""
    return asyncpg.Line(*_numbers(text))


def encode_line(value: Any) -> bytes:
    """A Line."""
    return _THREE.pack(value[0], value[1], value[2])


def decode_segment(data: Any) -> asyncpg.LineSegment:
    """Two points."""
    return asyncpg.LineSegment(*_points(_FOUR.unpack(data)))


def read_segment(text: str) -> asyncpg.LineSegment:
    """``[(x,y),(x,y)]``."""
    return asyncpg.LineSegment(*_points(_numbers(text)))


def encode_two_points(value: Any) -> bytes:
    """A LineSegment or a Box."""
    return _FOUR.pack(*value[0], *value[1])


def decode_box(data: Any) -> asyncpg.Box:
    """Two corners."""
    return asyncpg.Box(*_points(_FOUR.unpack(data)))


def read_box(text: str) -> asyncpg.Box:
    """``(x,y),(x,y)``."""
    return asyncpg.Box(*_points(_numbers(text)))


def decode_circle(data: Any) -> asyncpg.Circle:
    """Centre and radius."""
    return _circle(*_THREE.unpack(data))


def read_circle(text: str) -> asyncpg.Circle:
    """``<(x,y),r>``."""
    return _circle(*_numbers(text))


def _circle(x: float, y: float, radius: float) -> asyncpg.Circle:
    centre: Any = (x, y)  # a plain pair, as asyncpg has it
    return asyncpg.Circle(centre, radius)


def encode_circle(value: Any) -> bytes:
    """A Circle."""
    return _THREE.pack(*value[0], value[1])


def decode_path(data: Any) -> asyncpg.Path:
    """Whether it is closed, and its points."""
    data = bytes(data)
    return asyncpg.Path(*_counted(data[1:]), is_closed=data[0] == 1)


def read_path(text: str) -> asyncpg.Path:
    """``((x,y),...)``, or ``[(x,y),...]`` for an open one."""
    return asyncpg.Path(*_points(_numbers(text)), is_closed=text.startswith("("))


def encode_path(value: Any) -> bytes:
    """A Path; a tuple is a closed one and a list an open one."""
    closed = isinstance(value, tuple) or bool(getattr(value, "is_closed", False))
    return pack("!b", closed) + encode_polygon(value)


def decode_polygon(data: Any) -> asyncpg.Polygon:
    """Its points."""
    return asyncpg.Polygon(*_counted(bytes(data)))


def read_polygon(text: str) -> asyncpg.Polygon:
    """``((x,y),...)``."""
    return asyncpg.Polygon(*_points(_numbers(text)))


def encode_polygon(value: Any) -> bytes:
    """A Polygon, or points."""
    return pack("!i", len(value)) + b"".join(map(encode_point, value))


def _counted(data: bytes) -> list[asyncpg.Point]:
    (count,) = unpack("!i", data[:4])
    return _points(unpack(f"!{count * 2}d", data[4:]))
