"""Users' passwords, and the tokens that they get for them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

import assay

from .queries import users

_hasher = PasswordHasher()
"""Argon2id with the parameters of RFC 9106's second choice, which are the library's defaults."""
_NOBODY = _hasher.hash("")
"""Checked when there is no such user, so that a sign-in takes as long."""


async def hash_password(password: str) -> str:
    """The hash to store; it takes some 50 ms, in a thread."""
    return await asyncio.to_thread(_hasher.hash, password)


async def sign_in(db: assay.Executor, username: str, password: str) -> UUID | None:
    """The user whom name and password belong to, if there is one and it is active; the sign-in is noted."""
    found = await users.credentials(db, username)
    stored = found.password_hash if found is not None else _NOBODY
    fits = await asyncio.to_thread(_fits, stored, password)
    if found is None or not found.is_active or not fits:
        return None
    if _hasher.check_needs_rehash(stored):
        stored = await hash_password(password)
    await users.signed_in(db, found.id, stored)
    return found.id


def _fits(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes and reads tokens: the user's id and when the token ends, signed with HMAC-SHA256."""

    key: bytes
    length: timedelta

    def make(self, user_id: UUID) -> str:
        """A token for a user, as of now."""
        ends = int(time.time() + self.length.total_seconds())
        claim = user_id.bytes + ends.to_bytes(8, "big")
        return base64.urlsafe_b64encode(claim + self._sign(claim)).decode()

    def read(self, token: str) -> UUID | None:
        """Whose token it is; None for one that is not ours, or has ended."""
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return None
        claim, signature = raw[:24], raw[24:]
        if len(claim) != 24 or not hmac.compare_digest(signature, self._sign(claim)):
            return None
        return UUID(bytes=claim[:16]) if time.time() < int.from_bytes(claim[16:], "big") else None

    def _sign(self, claim: bytes) -> bytes:
        return hmac.digest(self.key, b"erc8004 session" + claim, hashlib.sha256)
