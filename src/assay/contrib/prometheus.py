"""A pool's work as Prometheus metrics: ``assay.Pool(url, observers=[Prometheus()])``; extra ``prometheus``.

Names and labels are those of OpenTelemetry's database conventions as Prometheus writes them: ``_`` for ``.``, the unit
at the end. ``docs/observability.md`` lists them.
"""

from __future__ import annotations

from functools import partial

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from assay.contrib.conventions import CONNECTION, DURATION, SECONDS, SIZES, TIMEOUTS, TIMES, Size
from assay.runtime.observing import Call, Observed

_POOL, _STATE = "db_client_connection_pool_name", "db_client_connection_state"


class Prometheus:
    """Makes the observers of pools; give the same one to every pool whose metrics go to one registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.sizes = [(size, Gauge(_plain(size.name), size.text, _labels(size), registry=registry)) for size in SIZES]
        self.times = [
            Histogram(_plain(f"{CONNECTION}.{name}_seconds"), text, [_POOL], buckets=SECONDS, registry=registry)
            for name, text in TIMES.items()
        ]
        self.timeouts = Counter(_plain(TIMEOUTS), "Tasks that waited in vain", [_POOL], registry=registry)
        labels = [_POOL, "db_query_summary", "db_operation_name", "error_type"]
        duration, text = _plain(f"{DURATION}_seconds"), "Duration of database client operations"
        self.duration = Histogram(duration, text, labels, buckets=SECONDS, registry=registry)

    def __call__(self, pool: Observed) -> _Observer:
        """The observer of a pool."""
        return _Observer(self, pool)


class _Observer:
    def __init__(self, metrics: Prometheus, pool: Observed) -> None:
        self._metrics, self._pool = metrics, pool
        for size, gauge in metrics.sizes:
            for state in size.read(pool.stats()):
                labelled = gauge.labels(pool.name, state) if state else gauge.labels(pool.name)
                labelled.set_function(partial(_read, size, state, pool))
        self.opened, self.waited, self.used = (metric.labels(pool.name).observe for metric in metrics.times)
        self.timed_out = metrics.timeouts.labels(pool.name).inc

    def ran(self, call: Call) -> None:
        labels = (self._pool.name, call.name, call.operation, call.failure or "")
        self._metrics.duration.labels(*labels).observe(call.seconds)

    def closed(self) -> None:
        for _, gauge in self._metrics.sizes:
            gauge.remove_by_labels({_POOL: self._pool.name})


def _read(size: Size, state: str, pool: Observed) -> float:
    return size.read(pool.stats())[state]


def _plain(name: str) -> str:
    return name.replace(".", "_")


def _labels(size: Size) -> list[str]:
    return [_POOL, _STATE] if size.name.endswith(".count") else [_POOL]
