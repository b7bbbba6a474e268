"""Whether a service keeps to its own OpenAPI: schemathesis sends what the document allows, and what it does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.result import Err

UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@contextmanager
def on_a_port(app: FastAPI) -> Iterator[str]:
    """Serve an application in a thread of its own, and give its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the service did not start")
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


def keeps_its_contract(app: FastAPI, examples: int, headers: dict[str, str] | None = None) -> int:
    """Send so many requests that are valid, and as many that are not, to each operation; how many were sent.

    Args:
        app: the service; its limit of requests a second must leave room.
        examples: how many of each kind for each operation.
        headers: sent with each, such as an API key.

    Raises what schemathesis raises, with a command that repeats the request, when an answer is a 5xx, has a status,
    a type or a header that the document does not name, or does not fit its schema.
    """
    sent = 0
    with on_a_port(app) as url:
        document = schemathesis.openapi.from_dict(app.openapi())
        for operation in _operations(document):
            for mode in GenerationMode:

                @settings(
                    max_examples=examples,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=[Phase.explicit, Phase.generate, Phase.shrink],
                    suppress_health_check=UNHURRIED,
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def visit(case: Case[Any]) -> None:
                    nonlocal sent
                    sent += 1
                    case.call_and_validate(url, headers=headers, checks=CHECKS, timeout=60)

                with suppress(Unsatisfiable):  # there is nothing about some operations that could be wrong
                    visit()
    return sent


def _operations(document: schemathesis.BaseSchema) -> Iterator[schemathesis.APIOperation[Any, Any, Any, Any]]:
    for found in document.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        yield found.ok()
