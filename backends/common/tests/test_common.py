"""What the services share: limits, pages, logs, settings."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from backends.common import failures
from backends.common.limits import CLIENTS, Allowance, BodyLimit, RateLimit
from backends.common.logs import RequestLog, log_to
from backends.common.options import load_service
from backends.common.pages import Before, Cursor, Limit, large
from backends.common.story import Visit
from backends.common.testing import BACKENDS
from fastapi import FastAPI, Request
from hypothesis import example, given
from hypothesis import strategies as st

import assay


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_client_may_ask_so_often_at_once_and_then_at_the_rate() -> None:
    clock = Clock()
    allowance = Allowance(rate=2, burst=3, clock=clock)
    assert [allowance.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert allowance.take("b") == 0
    clock.now = 0.5
    assert [allowance.take("a") for _ in range(2)] == [0, 0.5]


@given(st.lists(st.floats(0, 10), max_size=60))
def test_no_client_gets_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    clock = Clock()
    allowance = Allowance(rate=1.5, burst=5, clock=clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += allowance.take("a") == 0
        assert taken <= 5 + 1.5 * clock.now + 1e-6


def test_the_clients_that_are_remembered_are_bounded() -> None:
    allowance = Allowance(rate=1, burst=1, clock=Clock())
    for number in range(CLIENTS + 1):
        allowance.take(str(number))
    assert allowance.take(str(CLIENTS)) > 0
    assert allowance.take("0") == 0


@given(st.datetimes(timezones=st.just(UTC)), st.uuids(), st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back_as_it_went(moment: datetime, key: UUID, number: int) -> None:
    assert Cursor.parse(str(Cursor(moment, key)), UUID) == Cursor(moment, key)
    assert Cursor.parse(str(Cursor(moment, number)), large) == Cursor(moment, number)


@given(st.text())
@example(str(Cursor(datetime(2026, 1, 2, tzinfo=UTC), 2**63)))
@example(str(Cursor(datetime(2026, 1, 2, tzinfo=UTC), -1)))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="this is not a cursor; take the next of the page before"):
        Cursor.parse(text, UUID)
    with pytest.raises(ValueError, match="this is not a cursor; take the next of the page before"):
        Cursor.parse(text, large)


@pytest.fixture
def app() -> FastAPI:
    """Routes that page, read a body and fail, without a database."""
    app = FastAPI()
    app.add_middleware(BodyLimit, limit=100)
    app.add_middleware(RateLimit, rate=0.001, burst=5)
    app.add_middleware(RequestLog)
    failures.install(app)

    @app.get("/things/{key}")
    async def show(key: str, before: Before, limit: Limit = 20) -> dict[str, object]:
        return {"before": str(before) if before else None, "limit": limit}

    @app.post("/things")
    async def add(request: Request) -> int:
        return len(await request.body())

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a fault")

    @app.get("/health")
    async def health() -> str:
        return "ok"

    return app


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://service")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, as lines of JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    stream = io.StringIO()
    log_to(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line["logger"] == "backends.requests"]


async def test_a_request_is_logged_by_its_route_and_not_by_what_it_says(app: FastAPI, log: io.StringIO) -> None:
    async with client(app) as visitor:
        answer = await visitor.get("/things/secret-key", params={"limit": 3})
        await visitor.get("/broken")
    first, second = lines(log)
    assert (first["method"], first["route"], first["status"], first["level"]) == ("GET", "/things/{key}", 200, "info")
    assert first["request"] == answer.headers["x-request-id"]
    assert (second["status"], second["level"]) == (500, "error")
    assert "secret-key" not in log.getvalue()


async def test_a_client_that_asks_too_often_is_told_when_to_come_back(app: FastAPI) -> None:
    async with client(app) as visitor:
        statuses = [(await visitor.get("/things/1")).status_code for _ in range(5)]
        refused = await visitor.get("/things/1")
        assert statuses == [200] * 5
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1000")
        assert refused.json() == {"detail": "too many requests; try again in 1000 s"}
        assert (await visitor.get("/health")).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(app: FastAPI, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    async with client(app) as visitor:
        answer = await visitor.post("/things", content=b"x" * 200 if announced else pieces())
        assert (answer.status_code, answer.json()) == (413, {"detail": "a request may have 100 bytes at most"})
        assert (await visitor.post("/things", content=b"x" * 100)).json() == 100


async def test_a_page_takes_the_cursor_of_the_page_before(app: FastAPI) -> None:
    cursor = str(Cursor(datetime(2026, 1, 2, tzinfo=UTC), uuid4()))
    async with client(app) as visitor:
        assert (await visitor.get("/things/1", params={"before": cursor})).json() == {"before": cursor, "limit": 20}
        answer = await visitor.get("/things/1", params={"before": "x"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "before"]


def test_a_service_that_did_not_start_is_told_in_a_line(log: io.StringIO) -> None:
    try:
        raise assay.MigrationError("a migration was edited")
    except assay.MigrationError:
        logging.getLogger("backends.web").error(traceback.format_exc(), extra={"color_message": "x"})
    line = json.loads(log.getvalue())
    assert line["message"] == "assay.errors.MigrationError: a migration was edited"
    assert "color_message" not in line


def test_an_option_that_cannot_be_used_ends_the_command_with_a_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backends.basic_api"],
        cwd=BACKENDS.parent,
        env={"PATH": os.environ["PATH"], "PORT": "abc"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "error: PORT is 'abc'; it takes a number above 0\n")


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "-1"), ("RATE_LIMIT", "none"), ("LOG_LEVEL", "loud"), ("MAX_BODY_BYTES", "nan")]
)
def test_a_variable_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(assay.ConfigurationError, match=f"^{name} is '{value}'"):
        load_service(tmp_path, {name: value}, {})


async def test_a_story_stops_at_the_first_answer_that_is_not_right(app: FastAPI) -> None:
    async with client(app) as visitor:
        visit = Visit(visitor, "Things")
        visit.hide("17")
        await visit.ask("GET", "/things/17?limit=3", 200, "a thing")
        with pytest.raises(assay.Error, match=r"Things answered GET /nothing with 404, not 200"):
            await visit.ask("GET", "/nothing", 200, "nothing")
        with pytest.raises(assay.Error, match=r"Things's answer to GET /things/… is not what it must be: 1"):
            visit.expect(False, 1)
    assert [(one.request, one.status, one.told) for one in visit.exchanges] == [("GET /things/…", 200, "a thing")]
