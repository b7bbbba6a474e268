"""Ctrl-C, and what signal handlers raise, at any moment: no connection is lost, none is left in a transaction, no thread
gets another's result."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.fixtures.replication import READ, WHERE, WRITE, Trio

import assay
from assay import sync
from assay.config import DatabaseUrl

SESSIONS = (
    "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
)
IN_TRANSACTION = f"{SESSIONS} and state like 'idle in transaction%'"
LOCKS = "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"

lengths = pytest.mark.parametrize(
    "times",
    [pytest.param(150, id="short"), pytest.param(6000, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(0)])],
)
anywhere = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # when it hits a __del__, or what a weak reference calls
)


class Rung(BaseException):
    """What a signal handler of an application raises, such as for the time limit of a job."""


@contextmanager
def alarm_clock() -> Iterator[Callable[[float, type[BaseException]], None]]:
    """Gives what has a signal handler raise an exception in this thread after so many seconds; 0 for never."""
    armed: list[tuple[float, type[BaseException]]] = [(0, Rung)]
    due = threading.Event()
    over: list[bool] = []

    def ring() -> None:
        while not over:
            due.wait()
            due.clear()
            time.sleep(armed[0][0])
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR2)

    def handler(*_: object) -> None:
        seconds, kind = armed[0]
        if seconds:
            armed[0] = 0, kind
            raise kind

    def arm(seconds: float, kind: type[BaseException] = Rung) -> None:
        armed[0] = seconds, kind
        if seconds:
            due.set()

    before = signal.signal(signal.SIGUSR2, handler)
    ringing = threading.Thread(target=ring)
    ringing.start()
    try:
        yield arm
    finally:
        over.append(True)
        due.set()
        ringing.join()
        signal.signal(signal.SIGUSR2, before)


class Deeds:
    """One thing after another on a pool, each of which is whole or has left nothing."""

    def __init__(self, pool: sync.Pool) -> None:
        self._pool = pool
        self._chance = random.Random(3)
        self.done: Counter[str] = Counter()
        self.all: list[Callable[[int], None]] = [self._fetch, self._transaction, self._nested, self._lease]
        self.all += [self._stream, self._batch, self._copy, self._lock, self._listen, self._session]

    def go_on(self) -> None:
        """Until something is raised."""
        for number in range(1_000_000):
            deed = self._chance.choice(self.all)
            deed(number)
            self.done[deed.__name__] += 1

    def _fetch(self, number: int) -> None:
        assert self._pool.fetch_one(int, "select $1::int", number) == number

    def _transaction(self, number: int) -> None:
        with self._pool.transaction() as tx:
            tx.execute("insert into half values ($1)", number)
            assert tx.fetch_one(int, "select count(*) from half where id = $1", number) > 0
            tx.execute("insert into half values (-$1::int)", number)

    def _nested(self, number: int) -> None:
        with self._pool.transaction() as tx:
            tx.execute("insert into half values ($1)", number)
            with pytest.raises(ZeroDivisionError), tx.transaction() as inner:
                inner.execute("insert into stray values ($1)", number)
                raise ZeroDivisionError
            tx.execute("insert into half values (-$1::int)", number)

    def _lease(self, number: int) -> None:
        with self._pool.acquire() as connection:
            setting = "select set_config('my.number', $1, false)"
            assert connection.fetch_one(str, setting, str(number)) == str(number)
            assert connection.fetch_one(str, "select current_setting('my.number')") == str(number)

    def _stream(self, number: int) -> None:
        sql = "select $1::int, n from generate_series(1, 40) n"
        with self._pool.stream(tuple[int, int], sql, number, batch=9) as rows:
            for expected, row in enumerate(rows, 1):
                assert row == (number, expected)
                if expected == number % 60:
                    return

    def _batch(self, number: int) -> None:
        rows = [(sign * (number * 50 + n),) for n in range(1, 20) for sign in (1, -1)]
        assert self._pool.execute_many("insert into half values ($1)", rows) == 38

    def _copy(self, number: int) -> None:
        rows = [(sign * (number * 50 + n),) for n in range(1, 20) for sign in (1, -1)]
        assert self._pool.copy_in("half", rows) == 38

    def _lock(self, number: int) -> None:
        with self._pool.advisory_lock(number % 3) as connection:
            assert connection.fetch_one(int, "select $1::int", number) == number

    def _listen(self, number: int) -> None:
        with self._pool.listen("news"):
            pass

    def _session(self, number: int) -> None:
        with self._pool.session() as db:
            db.execute("insert into half values ($1), (-$1::int)", number)
            assert db.fetch_one(bool, "select true from half where id = $1 limit 1", number)


@contextmanager
def others(pool: sync.Pool) -> Iterator[list[BaseException]]:
    """Threads that no signal reaches go on all the while; what one of them fails with."""
    stopping = threading.Event()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            while not stopping.is_set():
                with pool.transaction(readonly=True) as tx:
                    assert tx.fetch_one(int, "select $1::int", number) == number
                assert pool.fetch_one(int, "select $1::int", -number) == -number
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stopping.set()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)


@anywhere
@lengths
def test_exceptions_of_signal_handlers_at_any_moment_cost_no_capacity(database_18: DatabaseUrl, times: int) -> None:
    chance = random.Random(1)
    with (
        sync.Pool(database_18, min_connections=1, max_connections=4, acquire_timeout=10) as pool,
        alarm_clock() as arm,
        sync.connect(database_18) as outside,
    ):
        pool.execute("create table half (id int); create table stray (id int)")
        deeds = Deeds(pool)
        with others(pool) as failures:
            for _ in range(times):
                kind = chance.choice((Rung, KeyboardInterrupt))
                with pytest.raises(kind):
                    arm(chance.uniform(0.0005, 0.03), kind)
                    deeds.go_on()
            arm(0, Rung)
        assert failures == []
        assert {*deeds.done} == {deed.__name__ for deed in deeds.all}
        until(lambda: pool.stats().in_use == 0)
        holds(pool, 4)
        assert outside.fetch_one(int, IN_TRANSACTION) == 0
        assert outside.fetch_one(int, LOCKS) == 0
        until(lambda: outside.fetch_one(int, SESSIONS) == pool.stats().open + 1)
        assert outside.fetch_all(int, "select id from stray") == []
        assert outside.fetch_all(int, "select abs(id) from half group by 1 having sum(id) <> 0") == []


@anywhere
@lengths
def test_the_same_where_replicas_answer(shop: Trio, proven: Path, times: int) -> None:
    chance, done = random.Random(2), 0
    replicas = assay.Replicas(shop.replicas, proven=proven, check_every=0.05, max_lag=30.0)
    with (
        sync.Pool(shop.primary.url, replicas=replicas, max_connections=3, acquire_timeout=10) as pool,
        alarm_clock() as arm,
    ):
        for number in range(times // 2):
            with pytest.raises(Rung):
                arm(chance.uniform(0.0005, 0.03), Rung)
                while True:
                    assert pool.fetch_one(bool, WHERE)
                    with pool.session(wait=0.1) as db:
                        db.execute(WRITE, 7, str(number))
                        assert db.fetch_one(str, READ, 7) == str(number)
                    done += 1
        arm(0, Rung)
        assert done > 0
        until(lambda: pool.stats().in_use == 0)
        holds(pool, 3)
        assert [member.role for member in pool.members()] == ["primary", "replica", "replica"]
        assert [member.connections.in_use for member in pool.members() if member.connections] == [0, 0, 0]
        for node in shop.nodes:
            assert node.run(IN_TRANSACTION) == "0"


def holds(pool: sync.Pool, count: int) -> None:
    """All connections can be had at once, and work."""
    leases = [pool.acquire() for _ in range(count)]
    assert [lease.__enter__().fetch_one(int, "select $1::int", n) for n, lease in enumerate(leases)] == [*range(count)]
    for lease in leases:
        lease.__exit__(None, None, None)


def until(true: Callable[[], bool]) -> None:
    """Wait until something holds; fail after ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
