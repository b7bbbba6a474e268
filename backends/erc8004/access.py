"""Who asks: users by the token that they signed in for, the operator by the one that is set."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from assay.contrib.fastapi import PoolDependency as Pool

from ..common import failures
from ..common.limits import Allowance
from .models import User
from .options import Options
from .queries import users
from .signing_in import Tokens

_user_scheme = HTTPBearer(auto_error=False, scheme_name="user", description="The token of POST /sessions")
_operator_scheme = HTTPBearer(auto_error=False, scheme_name="operator", description="The setting OPERATOR_TOKEN")
_CHALLENGE = {"WWW-Authenticate": "Bearer"}

UNAUTHORIZED: dict[int | str, dict[str, Any]] = failures.also(401, "Nobody, or nobody who may, has signed in")


def options_of(request: Request) -> Options:
    """The options of the application."""
    found: Options = request.app.state.options
    return found


GivenOptions = Annotated[Options, Depends(options_of)]


def tokens_of(options: GivenOptions) -> Tokens:
    """What makes and reads users' tokens."""
    return Tokens(options.session_key, options.session_length)


GivenTokens = Annotated[Tokens, Depends(tokens_of)]


async def _current_user(
    pool: Pool,
    tokens: GivenTokens,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_user_scheme)],
) -> User:
    user_id = tokens.read(given.credentials) if given is not None else None
    user = await users.by_id(pool, user_id) if user_id is not None else None
    if user is None or not user.is_active:
        raise HTTPException(401, "sign in, with POST /sessions, and send the token", _CHALLENGE)
    return user


async def _operator(
    options: GivenOptions, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_operator_scheme)]
) -> None:
    wanted = options.operator_token
    if wanted is None or given is None or not hmac.compare_digest(given.credentials.encode(), wanted.encode()):
        raise HTTPException(401, "this is for the operator, who has OPERATOR_TOKEN", _CHALLENGE)


SignedIn = Annotated[User, Depends(_current_user)]
Operator = Depends(_operator)


def slow_down(request: Request, username: str) -> None:
    """Refuse to try more passwords of a user than a person would: ten at once, and one every six seconds."""
    allowance: Allowance = request.app.state.sign_ins
    if (wait := allowance.take(username)) > 0:
        seconds = str(int(wait) + 1)
        raise HTTPException(429, f"too many sign-ins as this user; try again in {seconds} s", {"Retry-After": seconds})
