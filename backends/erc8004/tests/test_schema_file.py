"""Line 2: ``schema.sql`` is what the migrations build, as ``assay schema dump`` writes it."""

from __future__ import annotations

from pathlib import Path

from backends.erc8004.tests.conftest import BACKEND, MIGRATIONS

import assay
from assay.config import DatabaseUrl
from assay.schema.dump import dump_schema


async def test_line_2_the_schema_file_is_what_the_migrations_build(database_18: DatabaseUrl, assay_home: Path) -> None:
    await assay.migrate.run(database_18, MIGRATIONS)
    found = await dump_schema(database_18)
    assert (BACKEND / "schema.sql").read_text() == found.text, "write it anew with assay schema dump"
