"""The same of the sync surface: calls that type checkers accept, with the types that they find. Never run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, LiteralString, NamedTuple, TypeAlias, TypedDict, assert_type

import attrs
import msgspec
import pydantic

import assay
from assay import sync


@dataclass(slots=True)
class Data:
    id: int


class Struct(msgspec.Struct):
    id: int


@attrs.define
class Attrs:
    id: int


class Tuple(NamedTuple):
    id: int


class Typed(TypedDict):
    id: int


class Model(pydantic.BaseModel):
    id: int


class Mood(StrEnum):
    OK = "ok"


Everything: TypeAlias = sync.Executor | sync.Pool | sync.Connection | sync.Transaction


def rows_of_every_kind(db: Everything) -> None:
    assert_type(db.fetch_all(Data, "select 1 as id"), list[Data])
    assert_type(db.fetch_one(Struct, "select 1 as id"), Struct)
    assert_type(db.fetch_optional(Attrs, "select 1 as id"), Attrs | None)
    assert_type(db.fetch_all(Tuple, "select 1 as id"), list[Tuple])
    assert_type(db.fetch_one(Typed, "select 1 as id"), Typed)
    assert_type(db.fetch_optional(Model, "select 1 as id"), Model | None)


def values_of_every_kind(db: Everything) -> None:
    assert_type(db.fetch_one(int, "select 1"), int)
    assert_type(db.fetch_all(str | None, "select null::text"), list[str | None])
    assert_type(db.fetch_optional(str | None, "select null::text"), str | None)
    assert_type(db.fetch_one(Mood | None, "select 'ok'"), Mood | None)
    assert_type(db.fetch_all(Literal["a", "b"], "select 'a'"), list[Literal["a", "b"]])
    assert_type(db.fetch_one(tuple[int, str | None], "select 1, null::text"), tuple[int, str | None])
    assert_type(db.fetch_one(Annotated[int, "how many"], "select 1"), int)
    assert_type(db.fetch_one(dict[str, int], "select '{}'::jsonb"), dict[str, int])
    assert_type(db.fetch_all(Any, "select 1"), list[Any])


def parameters_of_every_kind(db: Everything, given: LiteralString) -> None:
    db.fetch_all(int, "select $1::int", 1)
    db.fetch_all(int, "select :id::int", id=1)
    db.fetch_all(int, "select :id", Data(1))
    db.fetch_all(int, given)
    db.fetch_optional(Data, "select id from person [[ where id = $1 ]]", assay.OMIT)
    assert_type(db.fetch_one(Data, assay.sql_file("queries/by_key.sql"), 1), Data)
    assert_type(db.execute("delete from person where id = $1", 1), int)


def rows_one_after_the_other(db: Everything) -> None:
    for row in db.stream(Data, "select 1 as id where $1", True, batch=10):
        assert_type(row, Data)
    with db.stream(tuple[int, str | None], "select 1, null::text") as rows:
        assert_type(rows, sync.Stream[tuple[int, str | None]])
        for pair in rows:
            assert_type(pair, tuple[int, str | None])
    for value in db.copy_out(str | None, "select :name::text", name="a"):
        assert_type(value, str | None)


def rows_many_at_once(db: Everything, people: list[Data]) -> None:
    assert_type(db.execute_many("insert into person values (:id)", people), int)
    assert_type(db.fetch_many(Struct, "insert into person values (:id) returning id", [{"id": 1}]), list[Struct])
    assert_type(db.copy_in("person", people), int)
    assert_type(db.copy_in("app.person", ((n, None) for n in range(3)), columns=["id", "name"]), int)


def notifications(db: Everything) -> None:
    db.notify("news", "text")


def news(source: sync.Pool | sync.Connection) -> None:
    for heard in source.listen("news", "weather"):
        assert_type(heard, sync.Notification | sync.Gap)
        if isinstance(heard, sync.Notification):
            assert_type(heard.payload, str)
        else:
            assert_type(heard.reason, Literal["reconnected", "overflow"])
    with source.listen("news") as listener:
        assert_type(listener, sync.Listener)


def locks(db: sync.Pool | sync.Connection) -> None:
    with db.advisory_lock("nightly", timeout=1.5) as held:
        assert_type(held, sync.Connection)
    with db.try_advisory_lock((1, 2)) as perhaps:
        assert_type(perhaps, sync.Connection | None)


def takes_any(db: sync.Executor) -> int:
    return db.fetch_one(int, "select count(*) from person")


def executors(pool: sync.Pool, connection: sync.Connection) -> None:
    takes_any(pool)
    takes_any(connection)
    with pool.transaction(isolation="serializable", readonly=True) as tx:
        assert_type(tx, sync.Transaction)
        takes_any(tx)
        with tx.transaction() as inner:
            takes_any(inner)
    for attempt in pool.transaction(retry=3):
        with attempt as again:
            assert_type(again, sync.Transaction)
    with pool.acquire() as acquired:
        assert_type(acquired, sync.Connection)
    with sync.Pool() as opened:
        assert_type(opened, sync.Pool)
        assert_type(opened.stats(), assay.PoolStats)
    with sync.connect("postgresql://") as connected:
        assert_type(connected, sync.Connection)


def reads_after_own_writes(pool: sync.Pool) -> None:
    with pool.session(after=sync.Position(1, 1), wait=0.5) as db:
        assert_type(db.fetch_optional(Data, "select 1 as id"), Data | None)
        assert_type(db.position(), assay.Position | None)
        takes_any(db)
    with sync.Pool("postgresql://", replicas=sync.Replicas(["postgresql://"], max_lag=2.0)) as replicated:
        assert_type(replicated, sync.Pool)
        assert_type(replicated.members(), tuple[assay.MemberStats, ...])


def options_of_blocks(db: sync.Executor) -> None:
    with db.transaction(statement_timeout=5, lock_timeout=0.5, idle_timeout=None, deferrable=True) as tx:
        assert_type(tx, sync.Executor)
    for attempt in db.transaction(retry=2, readonly=True):
        with attempt as again:
            assert_type(again, sync.Executor)
