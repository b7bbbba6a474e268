"""A pool's work as OpenTelemetry metrics and spans: ``assay.Pool(url, observers=[OpenTelemetry()])``.

Extra ``opentelemetry``. Names, units and attributes follow the database conventions; a span's name is the query's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation
from opentelemetry.trace import Status, StatusCode, TracerProvider

from assay.contrib.conventions import CONNECTION, DURATION, SECONDS, SIZES, TIMEOUTS, TIMES, Size
from assay.runtime.observing import Call, Observed


class OpenTelemetry:
    """Makes the observers of pools; give the same one to every pool. The application's SDK decides where all goes."""

    def __init__(self, meters: MeterProvider | None = None, tracers: TracerProvider | None = None) -> None:
        self._meter = metrics.get_meter("assay", meter_provider=meters)
        self.tracer = trace.get_tracer("assay", tracer_provider=tracers)
        self.pools: list[Observed] = []
        self.times = [self._histogram(f"{CONNECTION}.{name}", text) for name, text in TIMES.items()]
        self.duration = self._histogram(DURATION, "Duration of database client operations")
        self.timeouts = self._meter.create_counter(TIMEOUTS, "{timeout}", "Tasks that waited in vain")
        for size in SIZES:
            self._meter.create_observable_up_down_counter(size.name, [self._reader(size)], size.unit, size.text)

    def __call__(self, pool: Observed) -> _Observer:
        """The observer of a pool."""
        self.pools.append(pool)
        return _Observer(self, pool)

    def _histogram(self, name: str, text: str) -> Histogram:
        return self._meter.create_histogram(name, "s", text, explicit_bucket_boundaries_advisory=SECONDS)

    def _reader(self, size: Size) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(options: CallbackOptions) -> Iterable[Observation]:
            for pool in self.pools:
                for state, number in size.read(pool.stats()).items():
                    labels = {f"{CONNECTION}.pool.name": pool.name, **({f"{CONNECTION}.state": state} if state else {})}
                    yield Observation(number, labels)

        return read


class _Observer:
    def __init__(self, made: OpenTelemetry, pool: Observed) -> None:
        self._made, self._pool, url = made, pool, pool.url
        self._labels = labels = {f"{CONNECTION}.pool.name": pool.name}
        self.opened, self.waited, self.used = (lambda s, m=m: m.record(s, labels) for m in made.times)
        self.timed_out = lambda: made.timeouts.add(1, labels)
        self.closed = lambda: made.pools.remove(pool)
        place = {"server.address": url.host, "server.port": url.port, "db.namespace": url.database}
        self._place = {"db.system.name": "postgresql", **{name: value for name, value in place.items() if value}}

    def ran(self, call: Call) -> None:
        about: dict[str, Any] = {**self._place, "db.query.summary": call.name, "db.operation.name": call.operation}
        about |= {"error.type": call.failure} if call.failure else {}
        about |= {"db.response.status_code": call.sqlstate} if call.sqlstate else {}
        self._made.duration.record(call.seconds, about)
        about["db.query.text"] = call.sql
        span = self._made.tracer.start_span(call.name, None, trace.SpanKind.CLIENT, about, start_time=call.started)
        span.set_status(Status(StatusCode.ERROR if call.failure else StatusCode.UNSET))
        span.end(call.started + round(call.seconds * 1e9))
