"""Calls of the sync surface that type checkers accept, with the types that they find. Read by test_typing, never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_type

from assay import sync


@dataclass(slots=True)
class Device:
    id: int
    model: str


def by_key(db: sync.Executor, key: str) -> Device | None:
    return db.fetch_optional(Device, "select id, model from device where key = :key", key=key)


def rows(db: sync.Executor) -> None:
    assert_type(db.fetch_all(Device, "select id, model from device where id > $1", 1), list[Device])
    assert_type(db.fetch_one(int, "select count(*) from device"), int)
    assert_type(db.fetch_optional(tuple[int, str], "select id, model from device limit 1"), tuple[int, str] | None)
    assert_type(db.fetch_all(Literal["a", "b"], "select kind from device"), list[Literal["a", "b"]])
    assert_type(db.execute("delete from device"), int)
    with db.transaction(isolation="serializable") as tx:
        assert_type(tx.fetch_one(Device, "select id, model from device"), Device)
    for attempt in db.transaction(retry=3):
        with attempt as again:
            assert_type(again.fetch_one(Device, "select id, model from device"), Device)


def many(pool: sync.Pool, devices: Sequence[Device]) -> None:
    assert_type(pool.execute_many("insert into device values (:id, :model)", devices), int)
    assert_type(pool.fetch_many(int, "insert into device values (:id, :model) returning id", devices), list[int])
    assert_type(pool.copy_in("device", devices), int)
    pool.notify("devices", "more")
    for device in pool.stream(Device, "select id, model from device", batch=100):
        assert_type(device, Device)
    with pool.copy_out(Device, "select id, model from device") as found:
        assert_type(next(found), Device)


def objects(url: str) -> None:
    with sync.Pool(url, max_connections=3, reset="always") as pool:
        assert_type(pool, sync.Pool)
        assert_type(pool.stats(), sync.PoolStats)
        executors: list[sync.Executor] = [pool]
        with pool.acquire() as connection, connection.transaction() as tx:
            assert_type(connection, sync.Connection)
            assert_type(tx, sync.Transaction)
            executors += [connection, tx]
    with sync.connect(url) as connection:
        assert_type(connection, sync.Connection)
        driver: Any = connection.driver
    with sync.Pool.open(url) as pool:
        by_key(pool, "a")
    _ = driver, executors
