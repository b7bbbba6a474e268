"""A photo's way through RealityCam."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx

from ..common.story import Exchange, Visit

PHONE = {"attestation_key_id": "demo-key", "platform": "ios", "model": "Demo phone", "has_lidar": True}


async def story(client: httpx.AsyncClient) -> list[Exchange]:
    """A phone registers and uploads a photo, which is verified, and so is a forgery."""
    visit = Visit(client, "RealityCam")
    device = await _register(visit)
    photo = draw_photo()
    capture = await _upload(visit, device, photo)
    await _verify(visit, capture, photo)
    await _verify_forgery(visit, photo)
    visit.hide(device)
    answer = await visit.ask("GET", f"/devices/{device}/captures", 200, "the phone's photos: this one")
    visit.expect([one["id"] for one in answer["captures"]] == [capture], answer)
    return visit.exchanges


async def _register(visit: Visit) -> str:
    first = await visit.ask("POST", "/devices", 201, "a phone registers its attestation key", json=PHONE)
    again = await visit.ask("POST", "/devices", 200, "the same phone is seen again", json=PHONE)
    visit.expect(again["id"] == first["id"], again)
    return str(first["id"])


async def _upload(visit: Visit, device: str, photo: bytes) -> str:
    digest = sha256(photo).hexdigest()
    form = _form(device, photo)
    first = await visit.ask("POST", "/captures", 201, f"its photo is stored: SHA-256 {digest[:12]}…", **form)
    visit.expect(first["sha256"] == digest, first)
    again = await visit.ask("POST", "/captures", 200, "the same bytes once more: the first capture", **form)
    visit.expect(again["id"] == first["id"], again)
    return str(first["id"])


async def _verify(visit: Visit, capture: str, photo: bytes) -> None:
    told = "anyone asks for the photo: matched, and logged"
    answer = await visit.ask("POST", "/verifications", 201, told, files={"media": photo})
    visit.expect(answer["result"] == "matched" and answer["match"]["capture_id"] == capture, answer)


async def _verify_forgery(visit: Visit, photo: bytes) -> None:
    forgery = photo[:-1] + bytes([photo[-1] ^ 1])
    told = "with one bit changed: unknown, and logged"
    answer = await visit.ask("POST", "/verifications", 201, told, files={"media": forgery})
    visit.expect(answer["result"] == "unknown" and answer["match"] is None, answer)


def _form(device: str, photo: bytes) -> dict[str, Any]:
    return {
        "data": {"device_id": device, "captured_at": datetime.now(UTC).isoformat()},
        "files": {"media": ("photo.png", photo, "image/png")},
    }


def draw_photo(size: int = 96) -> bytes:
    """A small PNG image, in colour (PNG specification, sections 5 and 11)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(v for x in range(size) for v in (x, y, (x * y) % 256)) for y in range(size))
    header = struct.pack(">2I5B", size, size, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
