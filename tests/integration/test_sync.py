"""What threads, signals, forks and settings do to connections of the sync surface."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest

import assay
from assay import sync
from assay.config import DatabaseUrl
from assay.runtime.observing import Call

PID = "select pg_backend_pid()"


@pytest.fixture
def db(server: DatabaseUrl) -> Iterator[sync.Connection]:
    """A connection to each server."""
    with sync.connect(server) as connection:
        yield connection


@pytest.fixture
def pool(server: DatabaseUrl) -> Iterator[sync.Pool]:
    """A pool of at most two connections to each server."""
    with sync.Pool(server, min_connections=1, max_connections=2) as pool:
        yield pool


@contextmanager
def interrupted(after: float = 0.2) -> Iterator[None]:
    """Ctrl-C, so many seconds from now; fail if the block goes on for long in spite of it."""
    timer = threading.Timer(after, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT))
    started = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        timer.join()
    assert time.monotonic() - started < 10


def is_running(db: sync.Connection | sync.Pool, pid: int) -> bool:
    return db.fetch_one(bool, "select state = 'active' from pg_stat_activity where pid = $1", pid)


# --- Ctrl-C


def test_ctrl_c_cancels_the_statement_and_leaves_the_connection_usable(db: sync.Connection, pool: sync.Pool) -> None:
    pid = db.fetch_one(int, PID)
    with interrupted():
        db.execute("select pg_sleep(60)")
    assert not is_running(pool, pid)
    assert db.fetch_one(int, PID) == pid


def test_ctrl_c_in_a_block_rolls_it_back(db: sync.Connection) -> None:
    db.execute("create temp table entry (id int)")
    with interrupted(), db.transaction() as tx:
        tx.execute("insert into entry values (1)")
        tx.fetch_one(str, "select pg_sleep($1)::text", 60.0)
    assert db.fetch_all(int, "select id from entry") == []
    with db.transaction() as tx:
        tx.execute("insert into entry values (2)")
    assert db.fetch_all(int, "select id from entry") == [2]


def test_ctrl_c_in_a_savepoint_rolls_back_that_alone(db: sync.Connection) -> None:
    db.execute("create temp table entry (id int)")
    with db.transaction() as tx:
        tx.execute("insert into entry values (1)")
        with interrupted(), tx.transaction() as inner:
            inner.execute("insert into entry values (2)")
            inner.execute("select pg_sleep(60)")
        tx.execute("insert into entry values (3)")
    assert db.fetch_all(int, "select id from entry order by id") == [1, 3]


def test_ctrl_c_after_a_transaction_begun_by_hand_rolls_it_back(db: sync.Connection) -> None:
    db.execute("create temp table entry (id int)")
    db.execute("begin")
    db.execute("insert into entry values (1)")
    with interrupted():
        db.execute("select pg_sleep(60)")
    assert db.fetch_all(int, "select id from entry") == []


def test_ctrl_c_loses_no_connection_of_a_pool(pool: sync.Pool) -> None:
    with interrupted():
        pool.execute("select pg_sleep(60)")
    assert (pool.stats().in_use, pool.stats().open) == (0, 1)
    assert pool.fetch_one(int, "select 1") == 1


def test_ctrl_c_while_waiting_for_a_connection_leaves_the_line(pool: sync.Pool) -> None:
    with pool.acquire(), pool.acquire():
        with interrupted():
            pool.execute("select 1")
        assert pool.stats().waiting == 0
    assert pool.fetch_one(int, "select 1") == 1
    assert pool.stats().in_use == 0


# --- threads


def test_threads_share_a_pool(server: DatabaseUrl) -> None:
    def work(number: int) -> list[int]:
        found = []
        for turn in range(20):
            with pool.transaction() as tx:
                assert tx.fetch_one(int, PID) == tx.fetch_one(int, PID)
            found.append(pool.fetch_one(int, "select $1::int * 1000 + $2::int", number, turn))
        return found

    with sync.Pool(server, max_connections=4) as pool, ThreadPoolExecutor(24) as threads:
        for number, found in enumerate(threads.map(work, range(24))):
            assert found == [number * 1000 + turn for turn in range(20)]
        stats = pool.stats()
    assert (stats.acquired, stats.in_use, stats.waiting, stats.timeouts) == (24 * 40, 0, 0, 0)
    assert stats.opened <= 4


def test_thread_cannot_use_a_connection_that_another_is_using(db: sync.Connection, pool: sync.Pool) -> None:
    pid = db.fetch_one(int, PID)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(db.fetch_one, int, "select 1 from pg_sleep(0.5)")
        until(lambda: is_running(pool, pid))
        with pytest.raises(assay.UsageError, match="let each thread acquire its own connection"):
            db.fetch_one(int, "select 2")
        with pytest.raises(assay.UsageError, match="running another statement"):
            db.execute("select 2")
        assert running.result() == 1
    assert db.fetch_one(int, "select 3") == 3


def test_closing_a_connection_under_a_thread_ends_its_statement(server: DatabaseUrl, pool: sync.Pool) -> None:
    db = sync.connect(server)
    pid = db.fetch_one(int, PID)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(db.execute, "select pg_sleep(30)")
        until(lambda: is_running(pool, pid))
        db.close()
        with pytest.raises(assay.ConnectionLost):
            running.result(10)


def test_connection_held_too_long_is_logged_with_the_place(
    server: DatabaseUrl, caplog: pytest.LogCaptureFixture
) -> None:
    with sync.Pool(server, leak_after=0.04, max_connections=3) as pool, caplog.at_level(logging.WARNING, "assay.pool"):
        with pool.transaction() as tx:
            tx.execute("select 1")
            time.sleep(0.15)
        pool.execute("select 1")
    (record,) = caplog.records
    assert f"it was taken at {__file__}:" in record.getMessage()
    assert " in test_connection_held_too_long_is_logged_with_the_place, by the thread " in record.getMessage()


def test_observers_are_told_of_queries_by_the_function_that_runs_them(server: DatabaseUrl) -> None:
    observer = Notes()
    with sync.Pool(server, min_connections=1, observers=[lambda observed: observer]) as pool:
        pool.fetch_one(int, "select $1::int", 1)
        with pytest.raises(assay.DataError):
            pool.execute("select 1 / 0")
        with pool.transaction() as tx:
            tx.execute("-- name: mine\nselect 1")
        assert list(pool.stream(int, "select 1")) == [1]
    names = [call.name.rpartition(".")[2] for call in observer.calls]
    here = "test_observers_are_told_of_queries_by_the_function_that_runs_them"
    assert names[:5] == [here, here, here, "mine", here]
    assert [call.error is None for call in observer.calls[:2]] == [True, False]
    assert observer.calls[0].arguments == (1,)
    assert (observer.steps["opened"], observer.steps["closed"]) == (1, 1)
    assert observer.steps["waited"] == observer.steps["used"] == 4


class Notes:
    """An observer that takes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.steps: Counter[str] = Counter()

    def ran(self, call: Call) -> None:
        self.calls.append(call)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.steps.update([name])


def until(true: Callable[[], bool]) -> None:
    """Wait until something holds; fail after ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- processes


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_forked_child_is_told_and_does_the_parent_no_harm(db: sync.Connection, pool: sync.Pool) -> None:
    assert pool.fetch_one(int, "select 1") == 1
    child = os.fork()
    if child == 0:
        told = 0
        for use in (db, pool):
            try:
                use.fetch_one(int, "select 2")
            except assay.Error as error:
                told += "after the fork" in str(error)
        db.close()
        pool.close()
        os._exit(told)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert db.fetch_one(int, "select 3") == 3
    assert pool.fetch_one(int, "select 4") == 4


def test_killed_backend_is_a_lost_connection_that_says_why(db: sync.Connection, pool: sync.Pool) -> None:
    pid = db.fetch_one(int, PID)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(db.execute, "select pg_sleep(30)")
        until(lambda: is_running(pool, pid))
        pool.execute("select pg_terminate_backend($1)", pid)
        with pytest.raises(assay.ConnectionLost, match="administrator command"):
            running.result(10)
    with pytest.raises(assay.ConnectionLost, match="was closed"):
        db.execute("select 1")


# --- settings


def test_client_encoding_is_followed(db: sync.Connection) -> None:
    sql = "select $1::text, array[$1]::text[], row($1::text), 'é'"
    row = tuple[str, list[str], Any, str]
    assert db.fetch_one(row, sql, "ä") == ("ä", ["ä"], ("ä",), "é")
    db.execute("set client_encoding to latin1")
    assert db.fetch_one(row, sql, "ö") == ("ö", ["ö"], ("ö",), "é")
    with pytest.raises(assay.ParameterError, match="does not fit the type text"):
        db.fetch_one(str, "select $1::text", "\u20ac")
    with pytest.raises(assay.StatementError, match="ü"):
        db.execute('select "ü"')
    db.execute("reset client_encoding")
    assert db.fetch_one(row, sql, "€") == ("€", ["€"], ("€",), "é")


@pytest.mark.parametrize("style", ["ISO, MDY", "SQL, DMY", "German", "Postgres, MDY"])
def test_dates_in_rows_fetched_as_text_are_read_in_the_style_that_is_set(db: sync.Connection, style: str) -> None:
    sql = "select '2020-02-03'::date, '2020-02-03 04:05:06'::timestamp, 'a'::tsquery"
    expected = db.fetch_one(tuple[Any, Any, Any], sql)
    db.execute(cast("Any", f"set datestyle to '{style}'"))
    assert db.fetch_one(tuple[Any, Any, Any], sql) == expected


def test_interval_in_a_style_that_is_not_read_is_told(db: sync.Connection) -> None:
    db.execute("set intervalstyle to iso_8601")
    with pytest.raises(assay.DecodeError, match="cast that column to text"):
        db.fetch_one(tuple[Any, Any], "select '1 day'::interval, 'a'::tsquery")
    assert db.fetch_one(Any, "select '1 day'::interval").days == 1


def test_moments_are_in_utc_whatever_the_zone_of_the_session(server: DatabaseUrl) -> None:
    with sync.connect(server, server_settings={"timezone": "Asia/Tokyo"}) as db:
        for beside in ("1", "'a'::tsquery"):
            moment = db.fetch_one(tuple[Any, Any], cast("Any", f"select '2020-01-01 09:00'::timestamptz, {beside}"))[0]
            assert repr(moment) == "datetime.datetime(2020, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"


# --- what the wire does not take


def test_copy_by_execute_is_refused_and_leaves_the_connection_usable(db: sync.Connection) -> None:
    db.execute("create temp table entry (id int)")
    for sql in ("copy entry from stdin", "copy (select generate_series(1, 100000)) to stdout"):
        with pytest.raises(assay.UsageError, match="COPY needs somebody"):
            db.execute(cast("Any", sql))
        assert db.fetch_one(int, "select 1") == 1


def test_nul_character_is_refused_wherever_it_stands(db: sync.Connection) -> None:
    with pytest.raises(assay.UsageError, match="NUL"):
        db.execute("select 1\0")
    with pytest.raises(assay.ParameterError, match="does not fit the type tsquery"):
        db.fetch_one(str, "select $1::tsquery", "a\0b")
    with pytest.raises(assay.DataError):
        db.fetch_one(str, "select $1::text", "a\0b")
    assert db.fetch_one(int, "select 1") == 1


def test_row_without_a_declared_type_beside_a_text_column_is_told(db: sync.Connection) -> None:
    with pytest.raises(assay.DecodeError, match="without a declared type"):
        db.fetch_one(tuple[Any, Any], "select row(1, 2), 'a'::tsquery")
    assert db.fetch_one(Any, "select row(1, 'a', null::int)") == (1, "a", None)


def test_driver_is_psycopgs_own(db: sync.Connection) -> None:
    assert isinstance(db.driver, psycopg.Connection)
    assert db.driver.execute("select $1::int4range", ["[1,2)"]).fetchone() == (psycopg.types.range.Range(1, 2),)
    assert db.fetch_one(int, "select 1") == 1


def test_connection_whose_driver_was_given_out_does_not_go_back_to_the_pool(pool: sync.Pool) -> None:
    with pool.acquire() as connection:
        before = connection.fetch_one(int, PID)
        connection.driver.add_notify_handler(lambda notify: None)
    assert pool.fetch_one(int, PID) != before
