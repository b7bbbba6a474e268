"""Uploads: how much is read, and the hash of what was."""

from __future__ import annotations

from hashlib import sha256

from fastapi import HTTPException, UploadFile
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHUNK = 1 << 20


async def media_hash(media: UploadFile) -> bytes | None:
    """The SHA-256 of a file, 32 bytes, read a piece at a time; None when the file is empty."""
    digest, size = sha256(), 0
    while chunk := await media.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.digest() if size else None


class BodyLimit:
    """Middleware that answers 413 to a request whose body is larger than ``limit`` bytes, and stops reading it."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._detail = f"a request may have {limit} bytes at most"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at what the client announces, then count what it sends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > self._limit:
            await JSONResponse({"detail": self._detail}, 413)(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise HTTPException(413, self._detail)
            return message

        return counted


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0
