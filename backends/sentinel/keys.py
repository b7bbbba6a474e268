"""Who holds an API key."""

from __future__ import annotations

from hmac import compare_digest
from uuid import UUID

import assay

from ..common.keys import hash_of
from .queries import api_keys


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
