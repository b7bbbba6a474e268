"""A photo's way through RealityCam, over HTTP: each request, and whether the answer is what it must be."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import perf_counter
from typing import Any

import httpx

from assay.errors import Error


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what came of it."""

    request: str
    """Method and path."""
    status: int
    told: str
    """What it shows, in words."""
    seconds: float


def draw_photo(size: int = 96) -> bytes:
    """A small PNG image, in colour (PNG specification, sections 5 and 11)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(v for x in range(size) for v in (x, y, (x * y) % 256)) for y in range(size))
    header = struct.pack(">2I5B", size, size, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Visit:
    """The requests of one client, one after the other.

    Every step raises Error, quoting the answer, when the answer is not what it must be.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._photo = draw_photo()
        self._device = ""
        self._capture = ""
        self.exchanges: list[Exchange] = []

    async def walk(self) -> list[Exchange]:
        """Register, upload and verify; what each request came to."""
        steps: list[Callable[[], Awaitable[None]]] = [
            self._register,
            self._register_again,
            self._upload,
            self._upload_again,
            self._verify,
            self._verify_forgery,
            self._list,
        ]
        for step in steps:
            await step()
        return self.exchanges

    async def _register(self) -> None:
        answer = await self._ask("POST", "/devices", 201, "a phone registers its attestation key", json=self._phone)
        self._device = answer["id"]

    async def _register_again(self) -> None:
        answer = await self._ask("POST", "/devices", 200, "the same phone is seen again", json=self._phone)
        self._expect(answer["id"] == self._device, answer)

    async def _upload(self) -> None:
        told = f"its photo is stored: SHA-256 {sha256(self._photo).hexdigest()[:12]}…"
        answer = await self._ask("POST", "/captures", 201, told, **self._form)
        self._expect(answer["sha256"] == sha256(self._photo).hexdigest(), answer)
        self._capture = answer["id"]

    async def _upload_again(self) -> None:
        answer = await self._ask("POST", "/captures", 200, "the same bytes once more: the first capture", **self._form)
        self._expect(answer["id"] == self._capture, answer)

    async def _verify(self) -> None:
        told = "anyone asks for the photo: matched, and logged"
        answer = await self._ask("POST", "/verifications", 201, told, files={"media": self._photo})
        self._expect(answer["result"] == "matched" and answer["match"]["capture_id"] == self._capture, answer)

    async def _verify_forgery(self) -> None:
        forgery = self._photo[:-1] + bytes([self._photo[-1] ^ 1])
        told = "with one bit changed: unknown, and logged"
        answer = await self._ask("POST", "/verifications", 201, told, files={"media": forgery})
        self._expect(answer["result"] == "unknown" and answer["match"] is None, answer)

    async def _list(self) -> None:
        path = f"/devices/{self._device}/captures"
        answer = await self._ask("GET", path, 200, "the phone's photos: this one")
        self._expect([capture["id"] for capture in answer["captures"]] == [self._capture], answer)

    @property
    def _phone(self) -> dict[str, Any]:
        return {"attestation_key_id": "demo-key", "platform": "ios", "model": "Demo phone", "has_lidar": True}

    @property
    def _form(self) -> dict[str, Any]:
        return {
            "data": {"device_id": self._device, "captured_at": datetime.now(UTC).isoformat()},
            "files": {"media": ("photo.png", self._photo, "image/png")},
        }

    async def _ask(self, method: str, path: str, status: int, told: str, **content: Any) -> dict[str, Any]:
        started = perf_counter()
        answer = await self._client.request(method, path, **content)
        seconds = perf_counter() - started
        if answer.status_code != status:
            raise Error(f"RealityCam answered {method} {path} with {answer.status_code}, not {status}: {answer.text}")
        shown = path.replace(self._device, "…") if self._device else path
        self.exchanges.append(Exchange(f"{method} {shown}", answer.status_code, told, seconds))
        found: dict[str, Any] = answer.json()
        return found

    def _expect(self, right: bool, answer: dict[str, Any]) -> None:
        if not right:
            raise Error(f"RealityCam's answer to {self.exchanges[-1].request} is not what it must be: {answer}")
