"""API keys: made from a cryptographic source, shown once, and kept as a hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

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


def make_key(kind: str = "sk") -> Secret:
    """A new key, of 256 random bits; its kind is what it begins with."""
    return Secret(f"{kind}_{secrets.token_urlsafe(32)}")


def hash_of(text: str) -> str:
    """The hash that a key is found by."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
