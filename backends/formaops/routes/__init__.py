"""What the service answers, a module for each kind of thing; and who asks."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Depends, HTTPException, Security
from fastapi.security import APIKeyHeader

from assay.contrib.fastapi import PoolDependency as Pool

from ...common import failures
from ...common.keys import hash_of
from ..queries import api_keys

_key = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key")
SIGNED_IN = {**failures.RESPONSES, **failures.also(401, "The API key is missing, unknown or switched off")}


async def _user(pool: Pool, key: Annotated[str | None, Security(_key)]) -> UUID:
    user = await api_keys.use(pool, hash_of(key)) if key else None
    if user is None:
        raise HTTPException(401, "an API key that is active is needed in X-API-Key", {"WWW-Authenticate": "ApiKey"})
    return user


User: TypeAlias = Annotated[UUID, Depends(_user)]
"""Who asks, as an argument of a route: the number of a user. Without one, the answer is 401."""
