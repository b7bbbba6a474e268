"""Who asks: somebody whom Clerk vouches for, or a tool with an API key."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias
from uuid import UUID

import jwt
from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from assay.contrib.fastapi import PoolDependency as Pool

from ..common.texts import storable
from .keys import user_of
from .options import Options
from .queries import users

_session = HTTPBearer(auto_error=False, description="A session token of Clerk")
_key = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key")
LEEWAY = 30
"""Seconds that clocks may differ."""


async def _user(
    request: Request,
    pool: Pool,
    session: Annotated[HTTPAuthorizationCredentials | None, Security(_session)],
    key: Annotated[str | None, Security(_key)],
) -> UUID:
    if key is not None:
        found = await user_of(pool, key)
        if found is None:
            raise _refused("the API key is unknown or has expired")
        return found
    if session is None:
        raise _refused("sign in with a session of Clerk, or with an API key in X-API-Key")
    claims = claims_of(session.credentials, request.app.state.options)
    user = await users.sign_in(
        pool, clerk_id=claims["sub"], email=claims.get("email") or "", name=claims.get("name") or None
    )
    return user.id


User: TypeAlias = Annotated[UUID, Depends(_user)]
"""Who asks, as an argument of a route: the number of a user. Without one, the answer is 401."""


def claims_of(token: str, options: Options) -> dict[str, Any]:
    """What a session says, once its signature, its time and its issuer are verified; else the answer is 401."""
    if options.clerk_key is None:
        raise _refused("this service takes API keys only")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            options.clerk_key,
            algorithms=["RS256"],
            issuer=options.clerk_issuer,
            leeway=LEEWAY,
            options={"require": ["sub", "exp"]},
        )
    except jwt.PyJWTError as error:
        raise _refused(f"the session is not valid: {error}") from None
    if not all(_fits(claims.get(name)) for name in ("sub", "email", "name")):
        raise _refused("the session is not valid: a claim is too long or not a text")
    return claims


def _fits(claim: object) -> bool:
    return claim is None or (isinstance(claim, str) and len(claim) <= 255 and storable(claim))


def _refused(why: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": "Bearer"})
