"""Uploads: the hash of what was sent."""

from __future__ import annotations

from hashlib import sha256

from fastapi import UploadFile

CHUNK = 1 << 20


async def media_hash(media: UploadFile) -> bytes | None:
    """The SHA-256 of a file, 32 bytes, read a piece at a time; None when the file is empty."""
    digest, size = sha256(), 0
    while chunk := await media.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.digest() if size else None
