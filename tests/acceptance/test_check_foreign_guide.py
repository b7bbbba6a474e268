"""docs/existing-code.md: what it shows prints what is shown, and its table has every method."""

from __future__ import annotations

import re
from pathlib import Path

from assay.config import DatabaseUrl, load_settings
from assay.proof.discover.libraries import Owner
from assay.proof.discover.surfaces import SURFACES
from assay.proof.project import check
from assay.proof.report import finding_lines

GUIDE = (Path(__file__).parents[2] / "docs" / "existing-code.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCKS if name == language]


def checked(folder: Path, server: DatabaseUrl, code: str) -> list[str]:
    (folder / "pyproject.toml").write_text("[tool.assay]\n")
    (folder / "migrations").mkdir()
    (folder / "migrations" / "1_schema.sql").write_text(blocks("sql")[0])
    (folder / "accounts.py").write_text(code)
    report = check(load_settings(folder, {}), server).report
    return [line for found in report.findings for line in finding_lines(found)]


def test_the_example_prints_what_is_shown(tmp_path: Path, server_18: DatabaseUrl) -> None:
    assert checked(tmp_path, server_18, blocks("python")[0]) == blocks("text")[0].splitlines()


def test_a_file_of_sql_is_found_wrong_in_its_own_place(tmp_path: Path, server_18: DatabaseUrl) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "by_email.sql").write_text("select id\nfrom account\nwhere emial = $1\n")
    code = (
        blocks("python")[-1]
        + "\n\nasync def f(db: assay.Pool) -> list[int]:\n    return await db.fetch_all(int, BY_EMAIL, 'x')\n"
    )
    assert checked(tmp_path, server_18, code)[0] == 'queries/by_email.sql:3:7 ASY101 column "emial" does not exist'


def test_every_method_is_in_the_table() -> None:
    rows = dict(re.findall(r"^\| (\S[^|]*?) \| (`.*?) \|", GUIDE, re.MULTILINE))
    named = {
        library.partition(",")[0].lower(): set(re.findall(r"`(\w+)`", methods)) for library, methods in rows.items()
    }
    expected = {owner: {surface.method for surface in SURFACES if surface.owner is owner} for owner in Owner}
    assert named["asyncpg"] == expected[Owner.ASYNCPG]
    assert named["psycopg"] == expected[Owner.PSYCOPG]
    assert named["psycopg2"] == expected[Owner.PSYCOPG2]
    assert named["sqlalchemy"] == expected[Owner.SQLALCHEMY] - {"exec_driver_sql"}
    assert named["databases"] == expected[Owner.DATABASES]
