"""What a pool does is told as metrics, spans and log records, under agreed names, and never with an argument's value."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry
from tests.fixtures.bouncer import Way, hold

import assay
from assay.config import DatabaseUrl
from assay.contrib.opentelemetry import OpenTelemetry
from assay.contrib.prometheus import Prometheus
from assay.runtime.observing import Call, Observed
from assay.runtime.session import Session

HERE = f"{__name__}."


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.events: list[str] = []

    def __call__(self, pool: Observed) -> Notes:
        self.pool = pool
        return self

    def opened(self, seconds: float) -> None:
        self._note("opened", seconds)

    def waited(self, seconds: float) -> None:
        self._note("waited", seconds)

    def used(self, seconds: float) -> None:
        self._note("used", seconds)

    def timed_out(self) -> None:
        self.events.append("timed out")

    def ran(self, call: Call) -> None:
        self.calls.append(call)

    def closed(self) -> None:
        self.events.append("closed")

    def _note(self, what: str, seconds: float) -> None:
        assert 0 <= seconds < 60
        self.events.append(what)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
async def pool(way: Way, notes: Notes) -> AsyncIterator[assay.Pool]:
    async with way.pool(min_connections=1, max_connections=2, observers=[notes]) as pool:
        yield pool


async def by_function(db: assay.Executor) -> int:
    return await db.fetch_one(int, "select 41 + $1::int", 1)


async def by_comment(db: assay.Executor) -> int:
    return await db.fetch_one(int, "-- name: the answer\nselect 42")


# --- names


async def test_query_is_named_by_its_comment_else_by_the_function_that_runs_it(pool: assay.Pool, notes: Notes) -> None:
    await by_function(pool)
    await by_comment(pool)
    await asyncio.create_task(pool.execute("  /* no */ (select 1)"))
    await asyncio.wait_for(by_function(pool), 5)
    async with pool.transaction() as tx:
        await by_function(tx)
    by_name = HERE + "by_function"
    here = HERE + "test_query_is_named_by_its_comment_else_by_the_function_that_runs_it"
    assert [call.name for call in notes.calls] == [by_name, "the answer", "SELECT", by_name, here, by_name, here]
    assert [call.operation for call in notes.calls][4:] == ["BEGIN", "SELECT", "COMMIT"]


async def test_call_tells_what_ran_for_how_long_and_what_it_failed_with(pool: assay.Pool, notes: Notes) -> None:
    await pool.execute("select pg_sleep($1)", 0.02)
    with pytest.raises(assay.DataError):
        await pool.fetch_one(int, "select 1 / $1::int", 0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await pool.execute("select pg_sleep(60)")
    slow, failed, cancelled = notes.calls
    assert (slow.sql, slow.failure, slow.sqlstate) == ("select pg_sleep($1)", None, None)
    assert 0.02 <= slow.seconds < 10
    assert (failed.failure, failed.sqlstate, type(failed.error)) == ("22012", "22012", assay.DataError)
    assert (cancelled.failure, cancelled.sqlstate) == ("CancelledError", None)


def test_arguments_are_shown_as_shapes_without_their_values() -> None:
    call = Call("q", "select", 0, 0.0, None, ("secret", 7, None, b"hush", [1, 2], {"a": 1}, 3.5))
    assert call.shapes() == "$1 str of 6, $2 int, $3 None, $4 bytes of 4, $5 list of 2, $6 dict of 1, $7 float"
    assert "secret" not in repr(call)


# --- events


async def test_every_step_of_a_connection_is_told(pool: assay.Pool, notes: Notes) -> None:
    await pool.execute("select 1")
    async with await hold(pool, 2):
        with pytest.raises(assay.PoolTimeout):
            async with pool.acquire(timeout=0.01):
                pass
    await pool.close()
    assert sorted(notes.events) == sorted(
        ["opened", "waited", "used", "waited", "opened", "waited", "timed out", "used", "used", "closed"]
    )


async def test_what_is_told_adds_up_with_the_stats(pool: assay.Pool, notes: Notes) -> None:
    await asyncio.gather(*(pool.execute("select pg_sleep(0.005)") for _ in range(20)))
    stats = pool.stats()
    assert notes.events.count("waited") == notes.events.count("used") == stats.acquired == len(notes.calls) == 20
    assert notes.events.count("opened") == stats.opened


async def test_pool_that_nobody_observes_has_plain_sessions(database_18: DatabaseUrl) -> None:
    async with assay.Pool(database_18) as pool:
        session = await pool.lend()
        assert type(session) is Session
        pool.take_back(session)


async def test_pool_is_named_by_its_place_unless_it_has_a_name(database_18: DatabaseUrl) -> None:
    assert assay.Pool("postgresql://db.example/app").name == "db.example:5432/app"
    assert assay.Pool(database_18, name="main").name == "main"


# --- Prometheus


async def test_prometheus_has_the_conventions_names(way: Way) -> None:
    registry = CollectorRegistry()
    async with way.pool(min_connections=1, max_connections=3, observers=[Prometheus(registry)], name="main") as pool:
        await by_function(pool)
        with pytest.raises(assay.StatementError):
            await pool.execute("select nothing")
        async with pool.acquire():
            labels = {"db_client_connection_pool_name": "main"}
            value = registry.get_sample_value
            assert value("db_client_connection_count", {**labels, "db_client_connection_state": "used"}) == 1
            assert value("db_client_connection_count", {**labels, "db_client_connection_state": "idle"}) == 0
            assert value("db_client_connection_max", labels) == 3
            assert value("db_client_connection_idle_min", labels) == 1
            assert value("db_client_connection_idle_max", labels) == 3
            assert value("db_client_connection_pending_requests", labels) == 0
            assert value("db_client_connection_timeouts_total", labels) == 0
            assert value("db_client_connection_create_time_seconds_count", labels) == 1
            assert value("db_client_connection_wait_time_seconds_count", labels) == 3
            assert value("db_client_connection_use_time_seconds_count", labels) == 2
        query = {"db_query_summary": HERE + "by_function", "db_operation_name": "SELECT", "error_type": ""}
        assert value("db_client_operation_duration_seconds_count", {**labels, **query}) == 1
        query = {**query, "db_query_summary": HERE + "test_prometheus_has_the_conventions_names", "error_type": "42703"}
        assert value("db_client_operation_duration_seconds_count", {**labels, **query}) == 1
    assert value("db_client_connection_max", labels) is None


async def test_prometheus_tells_pools_apart(database_18: DatabaseUrl) -> None:
    registry = CollectorRegistry()
    observers = [Prometheus(registry)]
    async with (
        assay.Pool(database_18, name="one", max_connections=2, observers=observers),
        assay.Pool(database_18, name="two", max_connections=4, observers=observers),
    ):
        most = [
            registry.get_sample_value("db_client_connection_max", {"db_client_connection_pool_name": name})
            for name in ("one", "two")
        ]
    assert most == [2, 4]


# --- OpenTelemetry


class Telemetry:
    """An SDK that keeps everything in memory."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._spans = InMemorySpanExporter()
        self._meters = MeterProvider([self._reader])
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.observer = OpenTelemetry(self._meters, self._tracers)

    def metrics(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        found = [metric for one in data.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
        return {metric.name: metric for metric in found}

    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    def outer_span(self) -> Any:
        return self._tracers.get_tracer("test").start_as_current_span("request")

    def close(self) -> None:
        self._meters.shutdown()
        self._tracers.shutdown()


@pytest.fixture
def telemetry() -> Any:
    telemetry = Telemetry()
    yield telemetry
    telemetry.close()


async def test_opentelemetry_metrics_have_the_conventions_names_and_units(way: Way, telemetry: Telemetry) -> None:
    async with way.pool(max_connections=2, observers=[telemetry.observer], name="main") as pool:
        await by_function(pool)
        async with await hold(pool, 2):
            with pytest.raises(assay.PoolTimeout):
                async with pool.acquire(timeout=0.01):
                    pass
            found = telemetry.metrics()
    connection = "db.client.connection."
    assert {name: metric.unit for name, metric in found.items()} == {
        connection + "count": "{connection}",
        connection + "max": "{connection}",
        connection + "idle.min": "{connection}",
        connection + "idle.max": "{connection}",
        connection + "pending_requests": "{request}",
        connection + "timeouts": "{timeout}",
        connection + "create_time": "s",
        connection + "wait_time": "s",
        connection + "use_time": "s",
        "db.client.operation.duration": "s",
    }
    count = {point.attributes[connection + "state"]: point for point in found[connection + "count"].data.data_points}
    assert (count["used"].value, count["idle"].value) == (2, 0)
    assert count["used"].attributes[connection + "pool.name"] == "main"
    (waits,) = found[connection + "wait_time"].data.data_points
    assert waits.count == 3
    assert tuple(waits.explicit_bounds) == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


async def test_query_is_a_span_of_its_name_inside_of_the_callers(way: Way, telemetry: Telemetry) -> None:
    async with way.pool(observers=[telemetry.observer]) as pool:
        with telemetry.outer_span() as outer:
            await by_function(pool)
            with pytest.raises(assay.StatementError):
                await pool.execute("-- name: broken\nselect nothing")
    good, bad = telemetry.spans()[:2]
    assert (good.name, good.kind) == (HERE + "by_function", SpanKind.CLIENT)
    assert good.parent.span_id == outer.get_span_context().span_id
    assert good.end_time > good.start_time
    about = dict(good.attributes)
    assert about["db.system.name"] == "postgresql"
    assert about["db.namespace"] == way.url.database
    assert about["server.address"] == way.url.host
    assert (about["db.query.summary"], about["db.operation.name"]) == (good.name, "SELECT")
    assert about["db.query.text"] == "select 41 + $1::int"
    assert (good.status.status_code, bad.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert (bad.name, bad.attributes["error.type"], bad.attributes["db.response.status_code"]) == (
        "broken",
        "42703",
        "42703",
    )


# --- slow queries


async def test_slow_query_is_logged_without_its_arguments(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    async with way.pool(slow_query=0.02, name="main") as pool:
        with caplog.at_level(logging.WARNING, "assay.slow_query"):
            await by_function(pool)
            await pool.execute("-- name: nap\nselect pg_sleep($1), $2::text", 0.03, "secret")
    (record,) = caplog.records
    assert record.getMessage().startswith("Slow query nap took 0.0")
    assert "-- name: nap select pg_sleep($1), $2::text; arguments: $1 float, $2 str of 6" in record.getMessage()
    assert "secret" not in str(vars(record))
    assert (vars(record)["query_name"], vars(record)["pool_name"]) == ("nap", "main")


async def test_slow_query_that_failed_says_so(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    async with way.pool(slow_query=0.02) as pool:
        with caplog.at_level(logging.WARNING, "assay.slow_query"), pytest.raises(assay.DataError):
            await pool.execute("select 1 / (0 * length(pg_sleep(0.03)::text))")
    assert "and failed with DataError" in caplog.records[0].getMessage()


async def test_streams_batches_and_copies_are_told_by_name(pool: assay.Pool, notes: Notes) -> None:
    await pool.execute("create table thing (a int)")
    notes.calls.clear()
    assert [row async for row in pool.stream(int, "-- name: rows\nselect generate_series(1, 5)", batch=2)] == [
        1,
        2,
        3,
        4,
        5,
    ]
    await pool.execute_many("-- name: many\ninsert into thing values ($1)", [(1,), (2,)])
    await pool.copy_in("thing", [(3,)])
    told = [call.name for call in notes.calls if call.operation not in ("BEGIN", "COMMIT", "ROLLBACK")]
    here = HERE + "test_streams_batches_and_copies_are_told_by_name"
    assert [name for name, _ in itertools.groupby(told)] == ["rows", "many", here]
