"""API keys: made from a cryptographic source, shown once, and kept as a hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

import assay

from .queries import api_keys

SHOWN = 8
"""Of a key's characters, how many are kept for display."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A key that was just made; its text is in no log and no repr."""

    text: str

    @property
    def prefix(self) -> str:
        """What is shown of it from then on."""
        return self.text[:SHOWN]

    @property
    def hash(self) -> str:
        """What is kept of it: SHA-256, in hexadecimal. It is random enough to need no salt and no slow hash."""
        return hash_of(self.text)

    def __repr__(self) -> str:
        return f"Secret({self.prefix}…)"


def make_key() -> Secret:
    """A new key, of 256 random bits."""
    return Secret(f"sk_{secrets.token_urlsafe(32)}")


def hash_of(text: str) -> str:
    """The hash that a key is found by."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


async def user_of(db: assay.Executor, text: str) -> UUID | None:
    """Whose key it is, which is noted as used now; None when it is unknown or has expired.

    It is looked up by its whole hash, so that the time that takes says nothing about any other key; what was found is
    compared once more in constant time.
    """
    wanted = hash_of(text)
    found = await api_keys.holder(db, wanted)
    known = compare_digest(wanted, found.key_hash if found else hash_of(""))
    stamped = await api_keys.stamp(db, wanted)
    return found.user_id if found and known and stamped and not found.expired else None
