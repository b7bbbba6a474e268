"""Where in the migrations what is found was made."""

from __future__ import annotations

import pytest

from assay.schema.advice.model import Subject
from assay.schema.advice.places import File, locate, read_statements

FIRST = '''\
-- device is first mentioned here
create type mood as enum ('happy');
create table if not exists public.device (
    id uuid primary key references other (model), name text,
    model text not null unique,
    "Odd ""Name""" text, -- model
    constraint has_model check (model <> ''),
    unique (name, model)
);
create table shop.device (model integer);
create index on device (model);
create index device_name on device using hash (name);
select 'create table ghost (id int)';
do $$ begin create table ghost (id int); end $$;
'''
SECOND = """\
create function total() returns int language sql as 'select 1';
alter table device
    add column added timestamptz,
    add foreign key (name) references mood_of (name);
create policy own on device using (true);
grant select on device to clerk;
"""
STATEMENTS = read_statements([File("1.sql", FIRST), File("2.sql", SECOND)])


def place(
    label: str,
    *names: str,
    table: str = "device",
    schema: str = "public",
    columns: tuple[str, ...] = (),
    verbs: str = "",
) -> str | None:
    subject = Subject(label, schema, names, table, columns, frozenset(verbs.split()))
    found = locate(subject, STATEMENTS)
    return str(found) if found else None


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("model", "1.sql:5:5"),
        ("name", "1.sql:4:51"),
        ('Odd "Name"', "1.sql:6:5"),
        ("added", "2.sql:3:16"),
        ("has_model", "1.sql:7:16"),
        ("by_hand", None),
    ],
)
def test_columns_and_constraints_are_where_they_are_defined(name: str, where: str | None) -> None:
    assert place(f"public.device.{name}", name) == where


def test_a_table_of_another_schema_is_another() -> None:
    assert place("shop.device.model", "model", schema="shop") == "1.sql:10:27"
    assert place("public.device", verbs="table") == "1.sql:3:1"
    assert place("shop.device", schema="shop", verbs="table") == "1.sql:10:1"


def test_an_index_is_where_its_name_is_or_one_without_a_name_has_its_columns() -> None:
    assert place("public.device_name", "device_name", columns=("name",), verbs="index") == "1.sql:12:1"
    assert place("public.device_model_idx", "device_model_idx", columns=("model",), verbs="index") == "1.sql:11:1"
    assert place("public.other", "other_idx", columns=("name",), verbs="index") is None


def test_the_index_of_a_constraint_without_a_name_is_where_its_columns_are() -> None:
    assert place("public.device_model_key", "device_model_key", columns=("model",)) == "1.sql:5:5"


def test_a_foreign_key_is_where_its_column_and_the_table_that_it_refers_to_are() -> None:
    assert place("public.device.fk", "name", "mood_of", columns=("name",)) == "2.sql:4:22"


def test_types_functions_policies_and_grants_are_found() -> None:
    assert place("public.mood", table="mood", verbs="type") == "1.sql:2:1"
    assert place("public.total()", "total", table="total", verbs="function") == "2.sql:1:1"
    assert place("public.device", "own") == "2.sql:5:1"
    assert place("public.device", "clerk") == "2.sql:6:1"


def test_what_a_literal_or_a_do_block_makes_is_not_found() -> None:
    assert place("public.ghost", table="ghost", verbs="table") is None
