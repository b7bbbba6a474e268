"""A statement run for many rows of arguments, in one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from assay.runtime.batches import Batch
from assay.runtime.building import build
from assay.runtime.given_rows import source_errors
from assay.runtime.sync.session import Session
from assay.runtime.sync.statements import Prepared


def run_batch(session: Session, batch: Batch) -> int:
    """Run a batch, all of it or nothing; the rows affected, as the server counts them for each execution."""
    with source_errors(), session.using(batch.query):
        results = _run(session, batch, session.prepared(batch.query))
        return sum(result.command_tuples or 0 for result in results)


def fetch_batch(session: Session, batch: Batch, row: Any) -> list[Any]:
    """Run a batch, all of it or nothing; the rows that the executions returned, in the order of what was given."""
    with source_errors(), session.using(batch.query):
        prepared = session.prepared(batch.query)
        builder = prepared.layout.builder(row)
        records: list[Any] = [record for result in _run(session, batch, prepared) for record in session.rows(result)]
        return build(builder, records)


def _run(session: Session, batch: Batch, prepared: Prepared) -> list[PGresult]:
    """The result of each execution. Raises the error of the one that failed, with its row."""
    executions = [*_executions(session, batch, prepared)]
    if not executions:
        return []
    results = session.wire.ask_all(executions)
    for number, result in enumerate(results, 1):
        if result.status == ExecStatus.FATAL_ERROR:
            # One after the last is about all of them: a constraint that is checked at the end.
            raise session.refusal(result, batch.query, row=number if number <= len(executions) else None)
    return results


def _executions(session: Session, batch: Batch, prepared: Prepared) -> Iterator[Callable[[], None]]:
    statement, pgconn = prepared.statement, session.driver.pgconn
    for values in batch.arguments(prepared):
        forms = statement.forms(values, batch.query, batch.given.number)
        yield partial(statement.send, pgconn, forms)
