"""The shared corpus of SQL cases, used where it lies; skipped where it is not there."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
from tests.conftest import CORPUS

from assay.config import DatabaseUrl
from assay.proof import Description, describe


def cases() -> list[Any]:
    path = CORPUS / "cases.jsonl"
    if not path.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="the shared corpus is not on this machine"))]
    return [pytest.param(case, id=case["case"]) for case in map(json.loads, path.read_text().splitlines())]


@pytest.fixture(scope="module")
def corpus_name() -> str:
    """The name of the corpus's database on each server."""
    return "assay_corpus"


async def connected(server: DatabaseUrl, name: str) -> asyncpg.Connection:
    admin = await asyncpg.connect(server.reveal())
    try:
        await admin.execute("select pg_advisory_lock(1)")
        if not await admin.fetchval("select count(*) from pg_database where datname = $1", name):
            await admin.execute(f'create database "{name}"')
            connection = await asyncpg.connect(server.with_database(name).reveal())
            await connection.execute((CORPUS / "schema.sql").read_text())
            await connection.close()
    finally:
        await admin.close()
    return await asyncpg.connect(server.with_database(name).reveal())


@pytest.mark.parametrize("case", cases())
async def test_case(server: DatabaseUrl, corpus_name: str, case: dict[str, Any]) -> None:
    connection = await connected(server, corpus_name)
    try:
        description = await describe(connection, case["sql"])
    finally:
        await connection.close()
    assert differences(description, case) == []


def differences(description: Description, case: dict[str, Any]) -> list[str]:
    found = [column.nullable for column in description.columns]
    wanted = case["nullable"]
    different = []
    if len(found) != len(wanted) or any(w is not None and f != w for f, w in zip(found, wanted, strict=True)):
        different.append(f"nullable {found}, not {wanted}: {[column.reason for column in description.columns]}")
    if str(description.rows) != case["rows"]:
        different.append(f"rows {description.rows}, not {case['rows']}: {description.rows_reason}")
    parameters = [{"type": str(p.type), "nullable": str(p.null) == "accepted"} for p in description.params]
    if parameters != case["params"]:
        different.append(f"parameters {parameters}, not {case['params']}")
    return different
