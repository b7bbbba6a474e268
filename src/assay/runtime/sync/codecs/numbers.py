"""Numbers: integers, floats, numeric and what is kept as an integer."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from struct import Struct
from typing import Any

from psycopg.types.numeric import DecimalBinaryDumper

_FLOAT4, _FLOAT8 = Struct("!f"), Struct("!d")

MAX_SCALE, MAX_DIGITS = 16383, 131072
"""Digits after and before the decimal point (manual, section "Arbitrary Precision Numbers")."""


def encode_bool(value: Any) -> bytes:
    """Only a bool is one."""
    if not isinstance(value, bool):
        raise TypeError(f"a boolean is required (got type {type(value).__name__})")
    return b"\x01" if value else b"\x00"


def decode_bool(data: Any) -> bool:
    """One byte."""
    return bytes(data) == b"\x01"


def read_bool(text: str) -> bool:
    """``t`` or ``f``."""
    return text == "t"


def whole(size: int, *, signed: bool = True) -> Callable[[Any], bytes]:
    """Encodes whole numbers, and whatever counts as one, in so many bytes."""
    name = f"{'' if signed else 'u'}int{size * 8}"

    def encode(value: Any) -> bytes:
        try:
            return _as_int(value).to_bytes(size, "big", signed=signed)
        except OverflowError:
            raise OverflowError(f"value out of {name} range") from None

    return encode


def decode_whole(*, signed: bool = True) -> Callable[[Any], int]:
    """Decodes whole numbers of any size."""
    return partial(_from_bytes, signed=signed)


def read_lsn(text: str) -> int:
    """Two numbers of 32 bits, ``16/B374D848``, as one."""
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def _from_bytes(data: Any, *, signed: bool) -> int:
    return int.from_bytes(data, "big", signed=signed)


def _as_int(value: Any) -> int:
    if type(value) is not int and hasattr(type(value), "__int__"):
        return int(value)
    return operator.index(value)


def encode_float4(value: Any) -> bytes:
    """Numbers, not strings; those that are too large are refused."""
    try:
        return _FLOAT4.pack(math.copysign(value, value))
    except OverflowError:
        raise ValueError("value out of float32 range") from None


def encode_float8(value: Any) -> bytes:
    """Numbers, not strings."""
    return _FLOAT8.pack(math.copysign(value, value))


def decode_float4(data: Any) -> float:
    """Four bytes."""
    number: float = _FLOAT4.unpack(data)[0]
    return number


def read_float4(text: str) -> float:
    """The shortest digits that tell it from other numbers of its size."""
    return decode_float4(_FLOAT4.pack(float(text)))


def decode_float8(data: Any) -> float:
    """Eight bytes."""
    number: float = _FLOAT8.unpack(data)[0]
    return number


def encode_numeric(value: Any) -> bytes:
    """A Decimal, or what one can be made of."""
    number = value if isinstance(value, Decimal) else Decimal(value)
    if number.is_finite():
        if -int(number.as_tuple().exponent) > MAX_SCALE:
            raise ValueError("cannot encode Decimal value into numeric: exponent is too small")
        if number.adjusted() >= MAX_DIGITS:
            raise ValueError("cannot encode Decimal value into numeric: exponent is too large")
    return bytes(_DECIMAL.dump(number) or b"")


_DECIMAL = DecimalBinaryDumper(Decimal)
