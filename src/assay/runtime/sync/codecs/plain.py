"""Types that are bytes, identifiers, addresses, or kept by the server for itself."""

from __future__ import annotations

import ipaddress
from struct import pack, unpack
from typing import Any
from uuid import UUID

import asyncpg


def encode_bytes(value: Any) -> bytes:
    """Bytes and what has them."""
    if isinstance(value, bytes):
        return value
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(value).__name__!r}") from None


def read_bytes(text: str) -> bytes:
    """``\\x`` and hexadecimal digits, or the older form with octal escapes."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def read_char(text: str) -> bytes:
    """One byte, in octal digits behind a backslash where it is not ASCII; nothing is a zero."""
    return bytes([int(text[1:], 8)]) if len(text) == 4 else text.encode() or b"\0"


def encode_bits(value: Any) -> bytes:
    """A BitString, or whole bytes."""
    if isinstance(value, asyncpg.BitString):
        return pack("!i", len(value)) + value.bytes
    data = encode_bytes(value)
    return pack("!i", len(data) * 8) + data


def decode_bits(data: Any) -> asyncpg.BitString:
    """How many bits, and the bytes that hold them."""
    data = bytes(data)
    return asyncpg.BitString.frombytes(data[4:], unpack("!i", data[:4])[0])


def read_bits(text: str) -> asyncpg.BitString:
    """Zeros and ones."""
    return asyncpg.BitString(text)  # type: ignore[arg-type]  # its stubs have bytes, and it takes a string


def encode_uuid(value: Any) -> bytes:
    """A UUID or its text."""
    return UUID(value).bytes if isinstance(value, str) else encode_bytes(value.bytes)


# --- networks; the families are those of PostgreSQL's own inet.h

_FAMILIES = {4: 2, 6: 3}


def _encode_network(version: int, prefix: int, *, is_cidr: bool, packed: bytes) -> bytes:
    return bytes((_FAMILIES[version], prefix, is_cidr, len(packed))) + packed


def encode_cidr(value: Any) -> bytes:
    """A network, or what one can be made of."""
    network = ipaddress.ip_network(value)
    packed = network.network_address.packed
    return _encode_network(network.version, network.prefixlen, is_cidr=True, packed=packed)


def encode_inet(value: Any) -> bytes:
    """An address, with or without a netmask, or what one can be made of."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        interface = ipaddress.ip_interface(value)
        prefix = interface.network.prefixlen
        return _encode_network(interface.version, prefix, is_cidr=True, packed=interface.packed)
    return _encode_network(address.version, address.max_prefixlen, is_cidr=False, packed=address.packed)


def decode_cidr(data: Any) -> Any:
    """A network."""
    return ipaddress.ip_network((bytes(data[4:]), data[1]))


def decode_inet(data: Any) -> Any:
    """An address, or an interface where the netmask says more."""
    packed, prefix = bytes(data[4:]), data[1]
    return ipaddress.ip_address(packed) if prefix == len(packed) * 8 else ipaddress.ip_interface((packed, prefix))


def read_inet(text: str) -> Any:
    """``10.0.0.1`` or ``10.0.0.1/8``."""
    return ipaddress.ip_interface(text) if "/" in text else ipaddress.ip_address(text)


def decode_hardware_address(data: Any) -> str:
    """Octets with colons between them."""
    return bytes(data).hex(":")


# --- the server's own


def encode_tid(value: Any) -> bytes:
    """A pair of block and offset."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"list or tuple expected (got type {type(value)})")
    if len(value) != 2:
        raise ValueError("invalid number of elements in tid tuple, expecting 2")
    return int(value[0]).to_bytes(4, "big") + int(value[1]).to_bytes(2, "big")


def decode_tid(data: Any) -> tuple[int, int]:
    """Block and offset."""
    block, offset = unpack("!IH", data)
    return block, offset


def read_tid(text: str) -> tuple[int, int]:
    """``(block,offset)``."""
    block, offset = text.strip("()").split(",")
    return int(block), int(offset)


def decode_snapshot(data: Any) -> tuple[int, int, tuple[int, ...]]:
    """The lowest and the next transaction, and those under way."""
    data = bytes(data)
    lowest, following = unpack("!QQ", data[4:20])
    return lowest, following, unpack(f"!{(len(data) - 20) // 8}Q", data[20:])


def read_snapshot(text: str) -> tuple[int, int, tuple[int, ...]]:
    """``10:20:10,14``."""
    lowest, following, running = text.split(":")
    return int(lowest), int(following), tuple(map(int, running.split(","))) if running else ()


def encode_snapshot(value: Any) -> bytes:
    """The same three."""
    lowest, following, running = value
    return pack(f"!iQQ{len(running)}Q", len(running), lowest, following, *running)


def encode_void(value: Any) -> bytes:
    """Nothing."""
    return b""


def nothing(data: Any) -> None:
    """What void has."""
