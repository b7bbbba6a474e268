"""What outer joins may not find for the columns of a result, on real servers."""

from __future__ import annotations

import asyncpg
import pytest

from assay.proof import describe
from assay.proof.cache import description_from_json, description_to_json

SCHEMA = """
create table team (id integer primary key, name text not null, motto text);
create table person (id integer primary key, name text not null, team_id integer references team,
                     boss integer references person);
create view members as select p.id, t.id as tid, t.motto from person p left join team t on t.id = p.team_id;
"""
MOTTO = "team.motto has no NOT NULL constraint"
JOIN = "from person p left join team t on t.id = p.team_id"

JOINED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a left join": (f"select p.id, t.id, t.motto {JOIN}", [("", ""), ("t", ""), ("t", MOTTO)]),
    "a right join": ("select t.id, p.id from team t right join person p on true", [("t", ""), ("", "")]),
    "a full join": ("select t.id, p.id from team t full join person p on false", [("t", ""), ("p", "")]),
    "a join that a condition turns inner": (f"select t.id {JOIN} where t.name = 'x'", [("", "")]),
    "a cast": (f"select t.id::text, t.name::varchar, t.id::bigint {JOIN}", [("t", ""), ("t", ""), ("t", "")]),
    "a strict call": (f"select upper(t.name), t.name || '!' {JOIN}", [("t", ""), ("t", "")]),
    "a strict call of a column that may be NULL": (f"select t.motto || t.name {JOIN}", [("t", MOTTO)]),
    "a value that is there without the row": (f"select coalesce(t.name, '-') {JOIN}", [("", "")]),
    "what may be there without the row": (
        f"select case when t.id is null then 'none' when t.motto is null then null else 'x' end {JOIN}",
        [("", "")],
    ),
    "a row that a missing one hides": (
        "select b.id, t.id from person p left join (person b left join team t on t.id = b.team_id) on b.id = p.boss",
        [("b", ""), ("b t", "")],
    ),
    "rows that are missing together": (
        "select p.id, t.id from person b left join (person p join team t on t.id = p.team_id) on p.id = b.boss",
        [("p", ""), ("p", "")],
    ),
    "the two sides of a join inside another": (
        "select p.id, t.id from person b left join (person p full join team t on t.id = p.team_id) on p.id = b.boss",
        [("p", ""), ("p t", "")],
    ),
    "two sides of which either may be missing": (
        "select p.id, t.id from person b left join (person p full join team t on t.id = p.team_id) on true",
        [("p p#4", ""), ("p t", "")],
    ),
    "a strict call of two rows": (
        "select p.name || t.name from person b left join person p on p.id = b.boss left join team t on t.id = b.team_id",
        [("p t", "")],
    ),
    "a subquery": (f"select s.tid from (select t.id as tid {JOIN}) s", [("s.t", "")]),
    "a subquery that is joined itself": (
        f"select s.id, s.tid from person b left join (select p.id, t.id as tid {JOIN}) s on s.id = b.boss",
        [("s", ""), ("s s.t", "")],
    ),
    "a lateral subquery": (
        "select l.id, l.motto from person p left join lateral (select * from team t where t.id = p.team_id) l on true",
        [("l", ""), ("l", MOTTO)],
    ),
    "a WITH query": (f"with s as (select t.id, t.motto {JOIN}) select * from s", [("s.t", ""), ("s.t", MOTTO)]),
    "a view": ("select tid, motto from members m", [("m.t", ""), ("m.t", MOTTO)]),
    "a join under a name": (f"select j.tid {JOIN.replace('from ', 'from (')}) as j(a, b, c, d, tid)", [("t", "")]),
    "grouped": (f"select t.id, t.name, count(*) {JOIN} group by t.id", [("t", ""), ("t", ""), ("", "")]),
    "a grouping set that leaves it out": (f"select t.id {JOIN} group by rollup (t.id)", [("", "")]),
    "a union": (f"select t.id {JOIN} union select 1", [("", "")]),
    "a column of the query around": (
        f"select (select t.id from team x limit 1) {JOIN}",
        [("", "")],
    ),
    "what an update returns": (
        """update person p set name = 'x' from person q left join team t on t.id = q.team_id where q.id = p.id
        returning p.id, t.id, t.motto""",
        [("", ""), ("t", ""), ("t", MOTTO)],
    ),
}


@pytest.mark.parametrize(("sql", "expected"), JOINED.values(), ids=JOINED.keys())
async def test_joined(driver: asyncpg.Connection, sql: str, expected: list[tuple[str, str]]) -> None:
    await driver.execute(SCHEMA)
    description = await describe(driver, sql)
    assert [(" ".join(column.joined), column.null_in_row) for column in description.columns] == expected
    assert all(column.nullable for column in description.columns if column.joined)
    kept = description_from_json(description_to_json(description))
    assert [(" ".join(column.joined), column.null_in_row) for column in kept.columns] == expected
