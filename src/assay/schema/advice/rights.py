"""Rules on who may do what: rights of everybody, functions with their owner's, and policies that do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.schema.advice.model import Facts, Grant, Subject
from assay.schema.advice.rules import Advice

_COLUMN = re.compile(r'(?P<table>.*)\.(?P<column>"(?:[^"]|"")*"|[^".]+)', re.DOTALL)
"""The name of a column as SQL: that of its table, a dot, and its own."""
_NAME = re.compile(r'"(?:[^"]|"")*"|[^".]+')
"""One of the names in a label."""
_KEYWORD = {"table": "", "sequence": "sequence ", "schema": "schema "}


def public_grants(facts: Facts) -> Iterator[Advice]:
    """SCH401; not the rights that PostgreSQL itself gives to everybody, such as to call functions."""
    for grant in facts.open_grants:
        yield Advice(
            "SCH401",
            Subject(grant.label, grant.schema, ("public",), grant.table or grant.name),
            f"every role may {', '.join(grant.privileges)} on {grant.kind} {grant.label}",
            (_why(grant),),
            (_revoke(grant),),
        )


def _why(grant: Grant) -> str:
    if grant.kind == "schema":
        return "whoever can connect can put a function or table there that others take for another one"
    return "whoever can connect has these rights, also roles that are created later"


def _revoke(grant: Grant) -> str:
    privileges = ", ".join(grant.privileges)
    if grant.kind == "column":
        parts = _COLUMN.fullmatch(grant.label)
        if parts is not None:
            each = ", ".join(f"{privilege} ({parts['column']})" for privilege in grant.privileges)
            return f"revoke {each} on {parts['table']} from public;"
    return f"revoke {privileges} on {_KEYWORD[grant.kind]}{grant.label} from public;"


def open_definers(facts: Facts) -> Iterator[Advice]:
    """SCH402; a SQL-standard body has its names looked up when the function is made."""
    for routine in facts.definers:
        yield Advice(
            "SCH402",
            Subject(routine.label, routine.schema, (routine.name,), routine.name, verbs=frozenset({"function"})),
            f"{routine.kind} {routine.label} runs with its owner's rights and the caller's search path",
            ("a caller who puts a table or function of the same name in front has it used with the owner's rights",),
            (f"alter {routine.kind} {routine.label} set search_path to {_NAME.findall(routine.label)[0]}, pg_temp;",),
        )


def lone_inserts(facts: Facts) -> Iterator[Advice]:
    """SCH403; identity columns need no such right."""
    for grant in facts.lone_inserts:
        yield Advice(
            "SCH403",
            Subject(grant.label, grant.schema, (grant.grantee.strip('"'),), grant.table),
            f"{grant.grantee} may insert into {grant.table}, but not use sequence {grant.label}",
            ("an insert that leaves the number to the sequence is refused",),
            (f"grant usage on sequence {grant.label} to {grant.grantee};",),
        )


def idle_policies(facts: Facts) -> Iterator[Advice]:
    """SCH404."""
    for table in facts.tables:
        if table.policies and not table.row_security:
            yield Advice(
                "SCH404",
                Subject(table.label, table.schema, (table.policies[0],), table.name),
                f"table {table.label} has policies, and row security is not enabled",
                (f"{', '.join(table.policies)}: every row is shown to everybody who may read the table",),
                (f"alter table {table.label} enable row level security;",),
            )
