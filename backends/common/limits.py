"""How much a client may send, and how often."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENTS = 10_000
"""How many clients a rate limit remembers; whoever has been away longest is forgotten first."""


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


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class Allowance:
    """A token bucket for each client: ``burst`` requests at once, and ``rate`` a second from then on."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token: 0.0 when there was one, else the seconds until there is."""
        now = self._clock()
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled) * self._rate)
        bucket.filled = now
        self._buckets[client] = bucket
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self._rate
        bucket.tokens -= 1
        return 0.0


class RateLimit:
    """Middleware that answers 429, with ``Retry-After``, to a client that asks too often.

    A client is known by its address. Health checks are not counted.

    Args:
        app: the application.
        rate: requests a second.
        burst: requests at once.
        free: paths that are not counted.
    """

    def __init__(self, app: ASGIApp, rate: float, burst: int, free: tuple[str, ...] = ("/health",)) -> None:
        self._app = app
        self._allowance = Allowance(rate, burst)
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        wait = 0.0
        if scope["type"] == "http" and scope["path"] not in self._free:
            wait = self._allowance.take(_address(scope))
        if wait:
            await _too_often(wait)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _too_often(wait: float) -> JSONResponse:
    seconds = math.ceil(wait)
    return JSONResponse({"detail": f"too many requests; try again in {seconds} s"}, 429, {"Retry-After": str(seconds)})
