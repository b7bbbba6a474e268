"""``schema.sql``: what the migrations build, as pg_dump writes it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from backends.realitycam.tests.commands import BACKEND
from backends.realitycam.tests.conftest import MIGRATIONS

import assay
from assay.config import DatabaseUrl
from assay.server import Server

UPDATE = "REALITYCAM_UPDATE_SCHEMA"
"""Set this variable to write the file anew."""


def dump(url: DatabaseUrl) -> str:
    """The schema without Assay's ledger, and without what differs from one dump or server to the next."""
    program = str(Server.locate("18").binary("pg_dump"))
    options = ["--schema-only", "--no-owner", "--no-privileges", "--exclude-table=_sqlx_migrations"]
    text = subprocess.run([program, *options, url.reveal()], capture_output=True, text=True, check=True).stdout
    lines = [line for line in text.splitlines() if not re.match(r"--|\\|SET |SELECT pg_catalog\.set_config", line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


@pytest.fixture
async def schema(database_18: DatabaseUrl, assay_home: Path) -> str:
    await assay.migrate.run(database_18, MIGRATIONS)
    return dump(database_18)


def test_the_schema_file_is_what_the_migrations_build(schema: str) -> None:
    path: Path = BACKEND / "schema.sql"
    if os.environ.get(UPDATE):
        path.write_text(schema)
    assert path.read_text() == schema, f"run this test with {UPDATE}=1 to write {path.name} anew"
