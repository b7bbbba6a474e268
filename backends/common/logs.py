"""Structured logs: one line of JSON for each event, and one for each request."""

from __future__ import annotations

import logging
import secrets
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from time import perf_counter
from typing import TextIO

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that is being answered, for every line that is logged on the way."""

_requests = logging.getLogger("backends.requests")
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """A record as a line of JSON: time, level, logger, message, request, and whatever ``extra=`` brought."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if (current := request_id.get()) is not None:
            line["request"] = current
        line.update((name, value) for name, value in vars(record).items() if name not in _USUAL)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def _message(record: logging.LogRecord) -> str:
    """What is said; of a trace, by which the web server tells that the service did not start, its last line."""
    text = record.getMessage()
    if record.levelno >= logging.ERROR and text.startswith("Traceback "):
        return text.rstrip().rpartition("\n")[2]
    return text


def log_to(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send everything that is logged, from ``level`` up, to a stream as lines of JSON.

    Of httpx, warnings only: it logs the whole URL of each request, with the tokens that some carry.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(max(level, logging.WARNING))


class RequestLog:
    """Middleware that logs each request: method, route, status and milliseconds; neither query nor body.

    The route is the pattern, such as ``/projects/{id}``. The request's number is in the header ``X-Request-ID`` of
    the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number the request, pass it on, and log what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number, status, began = secrets.token_hex(8), 500, perf_counter()

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", number.encode())]
            await send(message)

        token = request_id.set(number)
        try:
            await self._app(scope, receive, numbered)
        finally:
            _log_request(scope, status, perf_counter() - began)
            request_id.reset(token)


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", None)
    level = logging.ERROR if status >= 500 else logging.INFO
    facts = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    shown = route or ("(no such route)" if status == 404 else "(a page about the service)")
    _requests.log(level, "%s %s %d", scope["method"], shown, status, extra=facts)
