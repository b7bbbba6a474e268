"""Assay reads a folder as sqlx-cli 0.9.0 did: same versions, descriptions and checksums."""

from __future__ import annotations

import json
from pathlib import Path

from assay.migrate import Kind, load
from assay.migrate.lock import lock_key

DATA = Path(__file__).parents[1] / "data" / "sqlx"


def test_versions_descriptions_and_checksums_are_those_that_sqlx_wrote() -> None:
    rows = json.loads((DATA / "ledger.json").read_text(encoding="utf-8"))
    assert [(each.version, each.description, each.checksum.hex()) for each in load(DATA / "migrations")] == [
        (row["version"], row["description"], row["checksum"]) for row in rows
    ]


def test_kinds_are_told_by_the_suffix() -> None:
    reversible = [each.version for each in load(DATA / "migrations") if each.kind is Kind.REVERSIBLE]
    assert reversible == [4, 20251122000001]


def test_the_lock_is_a_constant_times_the_crc_of_the_database_name() -> None:
    """The check value of CRC-32/ISO-HDLC is that of the nine digits."""
    assert lock_key("123456789") == 0x3D32AD9E * 0xCBF43926
    assert lock_key("") == 0
