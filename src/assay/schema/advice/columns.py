"""Rules on tables and their columns: keys that are missing, and types that hold less than they seem to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.schema.advice.indexes import subject_of
from assay.schema.advice.model import CHARACTER, TIMESTAMP, Column, Counter, Facts, Index, Subject, Table
from assay.schema.advice.rules import Advice
from assay.sql.quoting import quote_identifier, quote_literal


def _table_subject(table: Table) -> Subject:
    return Subject(table.label, table.schema, (), table.name, verbs=frozenset({"table"}))


def column_subject(table: Table, column: Column) -> Subject:
    """A column, as findings name it."""
    return Subject(f"{table.label}.{column.quoted}", table.schema, (column.name,), table.name)


def _own_columns(facts: Facts) -> Iterator[tuple[Table, Column]]:
    for table in facts.own_tables:
        yield from ((table, column) for column in table.columns.values() if not column.inherited)


def tables_without_key(facts: Facts) -> Iterator[Advice]:
    """SCH201; a unique index over columns that are NOT NULL tells rows apart as well."""
    for table in facts.own_tables:
        if not any(_tells_apart(table, index) for index in table.indexes):
            yield _without_key(table)


def _tells_apart(table: Table, index: Index) -> bool:
    whole = index.unique and index.immediate and index.valid and not index.predicate
    keys = [table.columns.get(key.column) for key in index.keys]
    return index.primary or (whole and all(column is not None and column.not_null for column in keys))


def _without_key(table: Table) -> Advice:
    taken = {column.name for column in table.columns.values()}
    name = next(name for name in ("id", f"{table.name}_id"[:63], "row_id", "id_") if name not in taken)
    quoted = name if re.fullmatch("[a-z_][a-z0-9_]*", name) else quote_identifier(name)
    sql = f"alter table {table.label} add column {quoted} bigint generated always as identity primary key;"
    whole = not (table.partitioned or table.has_children)
    return Advice(
        "SCH201",
        _table_subject(table),
        f"table {table.label} has no primary key",
        ("a row that is there twice cannot be told apart, and logical replication refuses to update or delete it",),
        (sql,) if whole else (),
        _ADDED if whole else _PARTITIONED if table.partitioned else _INHERITED,
    )


_ADDED = "this rewrites the table; where columns that it has are a key already, make them the primary key instead"
_PARTITIONED = "give it a primary key, which must have the columns that it is partitioned by"
_INHERITED = "give it a primary key, and one to each table that inherits from it, since keys are not inherited"


def zoneless_timestamps(facts: Facts) -> Iterator[Advice]:
    """SCH202."""
    for table, column in _own_columns(facts):
        if column.type_oid == TIMESTAMP:
            with_zone = column.type.replace("without", "with")
            yield Advice(
                "SCH202",
                column_subject(table, column),
                f"column {table.label}.{column.quoted} is {column.type}",
                ("it is a time of day in a place that nobody wrote down; now() gives it that of the session's zone",),
                (
                    "set local timezone to 'UTC';",
                    f"alter table {table.label} alter column {column.quoted} type {with_zone};",
                ),
                "in the zone that the values are in; with UTC the table is not rewritten",
            )


def padded_columns(facts: Facts) -> Iterator[Advice]:
    """SCH203."""
    for table, column in _own_columns(facts):
        found = re.fullmatch(r"character\((\d+)\)", column.type)
        if column.type_oid == CHARACTER and found:
            yield Advice(
                "SCH203",
                column_subject(table, column),
                f"column {table.label}.{column.quoted} is char({found[1]})",
                ("shorter values are filled up with blanks, which count in some comparisons and not in others",),
                (_as_text(table, column, found[1]),),
                "this rewrites the table",
            )


def _as_text(table: Table, column: Column, length: str) -> str:
    add = f"add check (length({column.quoted}) <= {length});"
    return f"alter table {table.label} alter column {column.quoted} type text, {add}"


def serial_columns(facts: Facts) -> Iterator[Advice]:
    """SCH204."""
    for table, column in _own_columns(facts):
        if column.serial:
            yield _serial(table, column)


def _serial(table: Table, column: Column) -> Advice:
    label = f"{table.label}.{column.quoted}"
    alter = f"alter table {table.label} alter column {column.quoted}"
    sequence = f"pg_get_serial_sequence({quote_literal(table.label)}, {quote_literal(column.name)})"
    return Advice(
        "SCH204",
        column_subject(table, column),
        f"column {label} is serial",
        (f"roles that insert need rights on {column.serial} too, and a copy of the table would share it",),
        (
            f"{alter} drop default;",
            f"drop sequence {column.serial};",
            f"{alter} add generated by default as identity;",
            f"select setval({sequence}, {_next(table, column)}, false);",
        ),
        "in one transaction",
    )


def _next(table: Table, column: Column) -> str:
    return f"coalesce((select max({column.quoted}) + 1 from {table.label}), 1)"  # noqa: S608 - a remedy to read


def nullable_unique_keys(facts: Facts) -> Iterator[Advice]:
    """SCH205; a CHECK that asks whether a column is NULL shows that somebody thought of it, and so does a condition."""
    for table in facts.tables:
        for index in table.indexes:
            open_columns = _open_columns(table, index)
            if open_columns and not index.attached:
                yield _nullable_unique(table, index, open_columns)


def _open_columns(table: Table, index: Index) -> list[Column]:
    """The columns of a unique key that may be NULL without anybody having said so."""
    if not index.unique or index.primary or not index.nulls_distinct or index.exclusion:
        return []
    columns = [table.columns[key.column] for key in index.keys if key.column]
    return [column for column in columns if not column.not_null and not _is_settled(table, index, column)]


def _is_settled(table: Table, index: Index, column: Column) -> bool:
    asked = re.compile(rf"(?<![\w\"]){re.escape(column.quoted)}(?![\w\"]) IS (NOT )?NULL|num_n(on)?nulls\(")
    checks = (check.definition for check in table.constraints if column.number in check.columns)
    return any(asked.search(text) for text in (index.predicate, *checks))


def _nullable_unique(table: Table, index: Index, columns: list[Column]) -> Advice:
    names = [column.quoted for column in columns]
    keys = ", ".join(key.text for key in index.keys)
    be = "is" if len(names) == 1 else "are"
    alone = len(index.keys) == 1
    because = (
        f"any number of rows can have NULL in {keys}"
        if alone
        else f"rows with NULL in {' or '.join(names)} can be there any number of times, the rest being the same"
    )
    return Advice(
        "SCH205",
        subject_of(table, index),
        f"unique ({keys}) of {table.label} does not hold where {' or '.join(names)} {be} NULL",
        (because,),
        (
            f"alter table {table.label} "
            + ", ".join(f"alter column {column.quoted} set not null" for column in columns)
            + ";",
        ),
        "or nulls not distinct, from PostgreSQL 15 on; or an exception that says that it is meant",
    )


def keys_running_out(facts: Facts) -> Iterator[Advice]:
    """SCH207; there is time to act while half of the numbers are left."""
    for table in facts.own_tables:
        for counter in table.counters:
            if counter.last >= counter.most // 2:
                yield _running_out(table, counter)


def _running_out(table: Table, counter: Counter) -> Advice:
    column = table.columns[counter.number]
    label = f"{table.label}.{column.quoted}"
    wider = f"alter table {table.label} alter column {column.quoted} type bigint;"
    # The sequence of an identity column changes its type with the column.
    sql = (wider, f"alter sequence {counter.sequence} as bigint;") if counter.serial else (wider,)
    return Advice(
        "SCH207",
        column_subject(table, column),
        f"column {label} has used {counter.last / counter.most:.0%} of its numbers",
        (f"{counter.sequence} stands at {counter.last:,}, and after {counter.most:,} every insert is refused",),
        sql if column.type != "bigint" else (),
        "this rewrites the table; columns that refer to it come first" if column.type != "bigint" else "",
    )


def quoted_names(facts: Facts) -> Iterator[Advice]:
    """SCH206."""
    for table in facts.own_tables:
        schema = table.label.startswith('"')
        if table.label.endswith('"') or schema:
            yield _quoted(_table_subject(table), f"table {table.label}")
        for column in table.columns.values():
            if column.quoted.startswith('"') and not column.inherited:
                yield _quoted(column_subject(table, column), f"column {table.label}.{column.quoted}")


def _quoted(subject: Subject, what: str) -> Advice:
    return Advice(
        "SCH206",
        subject,
        f"{what} has a name that must be quoted",
        ("whoever leaves the quotes out is told that it does not exist, or gets something else",),
    )
