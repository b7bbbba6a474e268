"""Comments in migrations that silence findings, and the statements that they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.migrate import load
from assay.migrate.model import Direction
from assay.migrate.scripts import Ready, make_ready
from assay.schema.lint.ignoring import ignored_codes

TEXT = """\
-- assay: ignore[MIG201]
select 1; -- assay: ignore[MIG101, MIG102]
-- a comment
-- assay: ignore[MIG103]

select -- assay:ignore[MIG104]
  2;
select 3; select 4; -- assay: ignore[MIG105]
"""


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    (tmp_path / "1_one.sql").write_text(TEXT)
    return make_ready(load(tmp_path)[0], Direction.UP)


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (None, {"MIG201"}),
        (2, {"MIG201", "MIG101", "MIG102"}),
        (6, {"MIG103", "MIG104"}),
        (7, {"MIG103", "MIG104"}),
        (8, {"MIG105"}),
    ],
)
def test_a_comment_belongs_to_the_statement_that_it_stands_by(ready: Ready, line: int | None, codes: set[str]) -> None:
    assert ignored_codes(ready, line) == codes


def test_all_comments_of_a_file_without_statements_are_about_the_file(tmp_path: Path) -> None:
    (tmp_path / "1_one.sql").write_text("-- assay: ignore[MIG201]\n")
    assert ignored_codes(make_ready(load(tmp_path)[0], Direction.UP)) == {"MIG201"}
