"""A target on this machine: it answers what it is told to, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What is answered."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Target:
    """A server; ``replies`` are given one after the other, the last again and again; or what ``answer`` makes of it."""

    url: str
    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Reply] | None = None

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.answer is not None:
            return self.answer(asked)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serving() -> Iterator[Target]:
    """A target on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            text = self.rfile.read(length)
            if len(text) < length:
                return  # the client was killed
            body = json.loads(text) if length else None
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            reply = target.reply(asked)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_PUT = do_PATCH = do_GET = _handle  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        target = Target(f"http://127.0.0.1:{server.server_address[1]}")
        running = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        running.start()
        try:
            yield target
        finally:
            server.shutdown()
            running.join()
