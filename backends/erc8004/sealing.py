"""Agents' tokens at rest: encrypted before they reach the database, with keys that it never has."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

import assay

from .queries import agent_mcp_tokens
from .queries.agent_mcp_tokens import Sealed


class SealError(assay.Error):
    """A token that cannot be encrypted or decrypted; the message says why, and shows neither token nor key."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The keys: the first encrypts, all decrypt (Fernet: AES-128-CBC, authenticated by HMAC-SHA256)."""

    _keys: MultiFernet | None = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Seal:
        """Keys with commas between them, the newest first, each 32 bytes in URL-safe base64; without any, no seal.

        Raises:
            assay.ConfigurationError: one of them is no key.
        """
        keys: list[Fernet] = []
        for key in filter(None, (part.strip() for part in text.split(","))):
            try:
                keys.append(Fernet(key))
            except ValueError:
                raise assay.ConfigurationError(
                    f"TOKEN_KEYS: key {len(keys) + 1} is not 32 bytes in URL-safe base64; make one with: "
                    "python -m backends.erc8004.keys new"
                ) from None
        return cls(MultiFernet(keys) if keys else None)

    def close(self, token: str) -> str:
        """Encrypt. Raises SealError when there is no key."""
        return self._some().encrypt(token.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt. Raises SealError when there is no key, or none of them fits."""
        try:
            return self._some().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealError("the token is encrypted with a key that TOKEN_KEYS does not have, or was changed") from None

    def renew(self, sealed: str) -> str:
        """Encrypt anew with the first key. Raises as ``open`` does."""
        try:
            return self._some().rotate(sealed.encode()).decode()
        except InvalidToken:
            raise SealError("a token is encrypted with a key that TOKEN_KEYS does not have, or was changed") from None

    def _some(self) -> MultiFernet:
        if self._keys is None:
            raise SealError("TOKEN_KEYS is not set, so agents' tokens can be neither stored nor used")
        return self._keys


async def renew_all(pool: assay.Pool, seal: Seal) -> int:
    """Encrypt every token anew with the first key, all or none; then the others can be thrown away.

    Raises:
        SealError: a token fits none of the keys; nothing was changed.
    """
    async with pool.transaction() as transaction:
        tokens = await agent_mcp_tokens.lock_all(transaction)
        renewed = [Sealed(one.agent_id, seal.renew(one.token)) for one in tokens]
        return await agent_mcp_tokens.reseal(transaction, renewed)
