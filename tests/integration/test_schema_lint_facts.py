"""``assay schema lint`` on schemas that look wrong and are right, and the other way around."""

from __future__ import annotations

import secrets
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.config import DatabaseUrl, Settings, load_settings
from assay.schema.advice.advice import AdviceReport, Request, advise
from assay.schema.advice.rules import HABITS, RULES

ALL = frozenset(RULES)


def found(url: DatabaseUrl, sql: str, *, rules: frozenset[str] = ALL - HABITS) -> list[tuple[str, str]]:
    """What is found in a database with that schema, without a project: codes and objects."""
    with psycopg.connect(url.reveal(), autocommit=True) as driver:
        driver.execute(sql.encode())
    return told(look(url, rules=rules))


def look(url: DatabaseUrl, project: Settings | None = None, **options: object) -> AdviceReport:
    project = project or load_settings(Path("/nonexistent"), {})
    return advise(project, Request(live=url, code=False, **options))  # type: ignore[arg-type]


def told(report: AdviceReport) -> list[tuple[str, str]]:
    return [(each.code, each.subject.label) for each in report.findings]


BASIC = """
create table users (
    id serial primary key,
    name varchar(255) not null,
    email varchar(255) unique not null,
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);
create index idx_users_email on users (email);
create index idx_users_created_at on users (created_at);
create function touch() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$;
create trigger users_touch before update on users for each row execute function touch();
"""


def test_the_smallest_backend_has_one_redundant_index_and_nothing_else(cleared: DatabaseUrl) -> None:
    assert found(cleared, BASIC) == [("SCH101", "public.idx_users_email")]


def test_matters_of_taste_are_told_when_they_are_asked_for(cleared: DatabaseUrl) -> None:
    assert found(cleared, BASIC, rules=HABITS) == [("SCH204", "public.users.id")]


RIGHT = """
create table team (id bigint primary key, name text not null);
create table person (
    id bigint generated always as identity primary key,
    team_id bigint references team,
    email text not null unique,
    nick text,
    born date,
    tags text[] not null default '{}',
    moved timestamptz,
    constraint nick_or_email check (nick is not null or email <> ''),
    unique (team_id, nick)
);
-- another order, another condition, another operator class, another method, more than a beginning
create index on person (born, team_id);
create index on person (team_id, born);
create index on person (born desc nulls last);
create index on person (email) where nick is null;
create index on person (email text_pattern_ops);
create index on person using hash (email);
create index on person (lower(email));
create index on person using gin (tags);
create index on person using brin (moved);
create index on person (email) include (nick);
"""


def test_indexes_that_are_alike_and_do_something_else_are_not_redundant(cleared: DatabaseUrl) -> None:
    codes = [each for each in found(cleared, RIGHT) if each[0] in ("SCH101", "SCH102", "SCH103")]
    assert codes == []


def test_a_key_whose_column_may_be_null_is_told_unless_a_check_asks_for_it(cleared: DatabaseUrl) -> None:
    assert found(cleared, RIGHT) == [("SCH205", "public.person_team_id_nick_key")]
    settled = "alter table person add check (team_id is not null or nick is null)"
    assert found(cleared, settled) == []


PARTITIONED = """
create table event (id bigint not null, at date not null, kind text not null, primary key (id, at))
    partition by range (at);
create table event_2025 partition of event for values from ('2025-01-01') to ('2026-01-01');
create table event_2026 partition of event for values from ('2026-01-01') to ('2027-01-01');
create index event_kind on event (kind);
create index event_kind_at on event (kind, at);
"""


def test_partitions_are_told_with_their_table_and_dropped_with_it(cleared: DatabaseUrl) -> None:
    assert found(cleared, PARTITIONED) == [("SCH102", "public.event_kind")]
    (advice,) = look(cleared).findings
    assert advice.sql == ("drop index public.event_kind;",)  # CONCURRENTLY cannot be done there
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute(advice.sql[0].encode())
    assert told(look(cleared)) == []


def test_an_index_of_a_partition_alone_is_looked_at(cleared: DatabaseUrl) -> None:
    one = PARTITIONED + "drop index event_kind; create index own on event_2025 (kind)"
    assert found(cleared, one) == [("SCH102", "public.own")]


def test_what_an_extension_made_is_left_alone(cleared: DatabaseUrl) -> None:
    assert found(cleared, "create schema more; create extension pg_stat_statements schema more") == []


def test_the_ledger_and_temporary_tables_are_left_alone(cleared: DatabaseUrl) -> None:
    sql = "create table _sqlx_migrations (version bigint); create temp table t (a timestamp)"
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute(sql.encode())
        assert told(look(cleared)) == []


def test_a_key_that_is_there_by_another_name_is_a_key(cleared: DatabaseUrl) -> None:
    sql = "create table t (a int not null unique); create table u (a int unique); create table v (a int not null)"
    assert [each for each in found(cleared, sql) if each[0] == "SCH201"] == [
        ("SCH201", "public.u"),
        ("SCH201", "public.v"),
    ]


def test_names_that_must_be_quoted_are_quoted_in_what_is_told(cleared: DatabaseUrl) -> None:
    sql = 'create schema "My Shop"; create table "My Shop"."Order" (id int primary key, "At ""noon""" timestamp)'
    assert found(cleared, sql) == [("SCH202", '"My Shop"."Order"."At ""noon"""')]
    (advice,) = look(cleared).findings
    with psycopg.connect(cleared.reveal()) as driver:
        for statement in advice.sql:
            driver.execute(statement.encode())
    assert told(look(cleared)) == []


ODD_NAMES = """
create schema "my.shop";
create table "my.shop"."o'clock" ("n'o" serial primary key);
create function "my.shop".all_of_them() returns bigint language plpgsql security definer
    as $$ begin return (select count(*) from o); end $$;
revoke all on function "my.shop".all_of_them() from public;
"""


def test_sql_that_mends_knows_names_with_apostrophes_and_dots(cleared: DatabaseUrl) -> None:
    rules = frozenset({"SCH204", "SCH402"})
    assert sorted(code for code, _ in found(cleared, ODD_NAMES, rules=rules)) == ["SCH204", "SCH402"]
    with psycopg.connect(cleared.reveal()) as driver:
        for statement in (statement for advice in look(cleared, rules=rules).findings for statement in advice.sql):
            driver.execute(statement.encode())
        driver.execute('insert into "my.shop"."o\'clock" default values')
        settings = driver.execute("select proconfig from pg_proc where proname = 'all_of_them'").fetchone()
    assert settings == (['search_path="my.shop", pg_temp'],)
    assert told(look(cleared, rules=rules)) == []


SCHEMAS = Path(__file__).parents[1] / "data" / "schema"


@pytest.mark.parametrize("name", ["everything", "hostile", "constants"])
def test_all_sql_that_is_told_runs_and_mends_what_it_is_told_for(cleared: DatabaseUrl, name: str) -> None:
    """In the order in which it is told, on schemas with objects of all kinds and names of all kinds."""
    sql = (SCHEMAS / f"{name}.sql").read_text()
    rules = ALL - {"SCH901"}
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute(sql.encode())
        before = look(cleared, rules=rules).findings
        for statement in (statement for advice in before for statement in advice.sql):
            driver.execute(statement.encode())
    mended = {(each.code, each.subject.label) for each in before if each.sql}
    assert [each for each in told(look(cleared, rules=rules)) if each in mended] == []


def test_rights_of_everybody_on_columns_sequences_and_schemas_are_told(cleared: DatabaseUrl) -> None:
    sql = """
    create table t (id int primary key, a int, "b.c" int); create sequence s; create schema open_to_all;
    grant select (a, "b.c"), update ("b.c") on t to public; grant usage on s to public;
    grant create on schema open_to_all to public; grant execute on all functions in schema public to public;
    """
    assert found(cleared, sql) == [
        ("SCH401", "open_to_all"),
        ("SCH401", "public.s"),
        ("SCH401", 'public.t."b.c"'),
        ("SCH401", "public.t.a"),
    ]
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        for advice in look(cleared).findings:
            driver.execute("".join(advice.sql).encode())
    assert told(look(cleared)) == []


def test_what_may_be_under_construction_is_not_called_invalid(cleared: DatabaseUrl) -> None:
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute("create table t (id int primary key, a int not null); insert into t values (1, 1), (2, 1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            driver.execute("create unique index concurrently t_a on t (a)")
        assert told(look(cleared)) == [("SCH105", "public.t_a")]
        with driver.transaction():
            driver.execute("lock table t in share update exclusive mode")
            assert told(look(cleared)) == []


BIG = """
create table t (id int primary key, a int, b int references t);
insert into t select n, n from generate_series(1, 60000) n;
create index t_a on t (a); create index t_b on t (b, a); create unique index t_u on t (id, b);
"""


def test_unused_indexes_are_told_when_the_statistics_go_back_long_enough(cleared: DatabaseUrl) -> None:
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute(BIG.encode())
        unused = frozenset({"SCH104"})
        assert told(look(cleared, rules=unused, unused_days=0)) == [("SCH104", "public.t_a")]
        young = look(cleared, rules=unused, unused_days=100_000)
        assert (told(young), len(young.notes)) == ([], 1)
        assert "Unused indexes were not looked for: the statistics go back" in young.notes[0]
        driver.execute("set enable_seqscan to off; select from t where a = 7; select pg_stat_force_next_flush()")
        driver.execute("select 1")
        assert told(look(cleared, rules=unused, unused_days=0)) == []


def test_a_role_without_rights_finds_the_same(cleared: DatabaseUrl) -> None:
    assert len(found(cleared, RIGHT + BASIC + PARTITIONED)) == 3
    name = f"nobody_{secrets.token_hex(6)}"
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute(f"create role {name} login".encode())
        try:
            plain = DatabaseUrl(name, None, cleared.host, cleared.port, cleared.database, cleared.options)
            assert told(look(plain)) == told(look(cleared))
        finally:
            driver.execute(f"drop role {name}".encode())


def test_a_live_database_is_looked_at_through_a_transaction_pooling_proxy(
    bouncer: DatabaseUrl, cleared_18: DatabaseUrl
) -> None:
    assert found(cleared_18, BASIC) == [("SCH101", "public.idx_users_email")]
    through = bouncer.with_database(cleared_18.database or "")
    for _ in range(3):
        assert told(look(through)) == [("SCH101", "public.idx_users_email")]


def test_numbers_that_run_out_are_told_and_the_sql_gives_more(cleared: DatabaseUrl) -> None:
    sql = """
    create table small (id smallserial primary key); create table whole (id serial primary key);
    create table roomy (id bigserial primary key); create table identity (id int generated always as identity primary key);
    create table round (id int primary key); create sequence counting as int cycle owned by round.id;
    select setval('small_id_seq', 30000), setval('whole_id_seq', 2000000000), setval('roomy_id_seq', 2000000000),
        setval('identity_id_seq', 1000000), setval('counting', 2000000000);
    """
    assert found(cleared, sql) == [("SCH207", "public.small.id"), ("SCH207", "public.whole.id")]
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        for statement in (statement for advice in look(cleared).findings for statement in advice.sql):
            driver.execute(statement.encode())
        driver.execute("select setval('small_id_seq', 3000000000)")
    assert told(look(cleared)) == []


# --- exceptions


def project(folder: Path, sql: str, more: str = "") -> Settings:
    (folder / "pyproject.toml").write_text(f"[tool.assay]\n{more}")
    (folder / "migrations").mkdir(exist_ok=True)
    (folder / "migrations" / "1_schema.sql").write_text(sql)
    return load_settings(folder, {})


WRONG = """\
create table a (
    x timestamp, {0}
    {1}
    y timestamp
); {2}
{3}
create table b (z timestamp);
"""


@pytest.mark.parametrize(
    ("place", "left"),
    [(0, ["a.y", "b.z"]), (1, ["a.x", "b.z"]), (2, ["b.z"]), (3, ["a.x", "a.y"])],
    ids=["behind a line", "before a line", "behind a statement", "before a statement"],
)
def test_an_exception_is_for_what_it_stands_at(
    tmp_path: Path, cleared: DatabaseUrl, place: int, left: list[str]
) -> None:
    comments = ["-- assay: ignore[SCH202] so it is" if number == place else "" for number in range(4)]
    sql = WRONG.format(*comments)
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        driver.execute(sql.encode())
    report = look(cleared, project(tmp_path, sql), rules=frozenset({"SCH202", "SCH901"}))
    assert told(report) == [("SCH202", f"public.{each}") for each in left]
    assert report.ignored == 3 - len(left)


def test_exceptions_that_are_wrong_are_findings(tmp_path: Path, server: DatabaseUrl) -> None:
    sql = """\
-- assay: ignore[SCH202] nothing of the kind
-- assay: ignore[SCH104] for a live database
-- assay: ignore[SCH501] the code is not looked at
create table a (x timestamptz);
create table b (y int); -- assay: ignore[SCH999, MIG107] what is that
"""
    settings = '[tool.assay.schema-lint-ignore]\nSCH201 = { "public.*" = "", "another.database" = "why" }\n'
    report = advise(project(tmp_path, sql, settings), Request(server=server, code=False))
    assert [(each.code, each.message) for each in report.findings] == [
        ("SCH901", "the comment makes an exception to SCH202 that excuses nothing"),
        ("SCH901", "the comment names SCH999, and there is no such rule"),
        ("SCH901", "public.* makes an exception to SCH201 without a reason"),
    ]


# --- the law, on the planner itself

KEYS = ("a", "b", "c", "a desc", "b desc", "a nulls first", "lower(d)")
INDEXES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique_by=lambda key: key[0]),
        st.sampled_from(["", "", "", " where a > 2"]),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(INDEXES)
def test_queries_find_another_index_when_the_redundant_ones_are_dropped(
    cleared_18: DatabaseUrl, indexes: list[tuple[list[str], str]]
) -> None:
    dropped_safely(cleared_18, indexes)


@pytest.mark.soak
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(INDEXES)
def test_queries_find_another_index_on_each_server(cleared: DatabaseUrl, indexes: list[tuple[list[str], str]]) -> None:
    dropped_safely(cleared, indexes)


def dropped_safely(url: DatabaseUrl, indexes: list[tuple[list[str], str]]) -> None:
    """Make the indexes, drop the redundant ones, and find every query on an index before and after."""
    with psycopg.connect(url.reveal(), autocommit=True) as driver:
        driver.execute("drop table if exists t; create table t (a int, b int, c int, d text)")
        driver.execute("insert into t select n % 5, n % 7, n, n::text from generate_series(1, 300) n")
        for keys, where in indexes:
            driver.execute(f"create index on t ({', '.join(keys)}){where}".encode())
        driver.execute("set enable_seqscan to off; set enable_sort to off; set enable_bitmapscan to off; analyze t")
        queries = [query for keys, where in indexes for query in served(keys, where)]
        assert all(by_index(driver, query) for query in queries)
        redundant = [each for each in look(url).findings if each.code in ("SCH101", "SCH102")]
        for advice in redundant:
            driver.execute(advice.sql[0].encode())
        assert [query for query in queries if not by_index(driver, query)] == []
        again = [each.code for each in look(url).findings if each.code in ("SCH101", "SCH102")]
        assert again == []


def served(keys: list[str], where: str) -> list[str]:
    """A look-up by all keys, and all rows in the order of the keys."""
    bare = [key.split()[0] for key in keys]
    equal = " and ".join(f"{key} = {'$$4$$' if key == 'lower(d)' else '4'}" for key in bare)
    condition = f"{where} and" if where else " where"
    return [f"select * from t{condition} {equal}", f"select * from t{where} order by {', '.join(keys)}"]


def by_index(driver: psycopg.Connection[object], query: str) -> bool:
    plan = "\n".join(str(row) for row in driver.execute(f"explain {query}".encode()).fetchall())
    return "Index" in plan and "Seq Scan" not in plan and "Sort" not in plan
