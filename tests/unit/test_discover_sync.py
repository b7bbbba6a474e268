"""Calls of the sync surface are found as those of the async one are, and told from other libraries'."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.proof.discover import discover
from assay.proof.discover.libraries import Owner
from assay.proof.discover.model import Sql

CALL = 'x.execute("select 1")'
WAYS = {
    "an annotated parameter": f"from assay import sync\ndef f(x: sync.Executor): {CALL}",
    "the full name": f"import assay.sync\ndef f(x: assay.sync.Pool): {CALL}",
    "the attribute": f"import assay\ndef f(x: assay.sync.Connection | None): {CALL}",
    "an imported class": f"from assay.sync import Transaction\ndef f(x: Transaction): {CALL}",
    "another name": f"from assay import sync as db\ndef f(x: 'db.Pool'): {CALL}",
    "a pool that is entered": f"from assay import sync\nwith sync.Pool() as x: {CALL}",
    "a pool that is opened": f"from assay import sync\nx = sync.Pool.open()\n{CALL}",
    "a connection": f"from assay import sync\nwith sync.connect('') as x: {CALL}",
    "a connection of a pool": f"from assay.sync import Pool\ndef f(pool: Pool):\n    with pool.acquire() as x: {CALL}",
    "a pool of the async surface that is opened": f"import assay\nasync def f():\n    x = await assay.Pool.open()\n    {CALL}",
    "an attempt": (
        "from assay.sync import Pool\ndef f(pool: Pool):\n"
        f"    for attempt in pool.transaction(retry=3):\n        with attempt as x: {CALL}"
    ),
    "a transaction": f"from assay.sync import Pool\ndef f(pool: Pool):\n    with pool.transaction() as x: {CALL}",
}


@pytest.mark.parametrize("way", WAYS)
def test_call_of_the_sync_surface_is_found(tmp_path: Path, way: str) -> None:
    path = tmp_path / "main.py"
    path.write_text(WAYS[way])
    (call,) = discover(tmp_path, [path]).calls
    assert call.surface.owner is Owner.ASSAY
    assert isinstance(call.sql, Sql)
    assert call.sql.text == "select 1"


def test_every_way_to_run_a_statement_is_found(tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_text(
        "from assay import sync\n"
        "def f(db: sync.Executor, rows: list[object]):\n"
        "    db.fetch_all(int, 'select 1')\n"
        "    db.fetch_one(int, 'select 2')\n"
        "    db.fetch_optional(int, 'select 3')\n"
        "    db.execute('select 4')\n"
        "    db.execute_many('select 5', rows)\n"
        "    for row in db.stream(int, 'select 6'): pass\n"
        "    with db.copy_out(int, 'select 7') as found: pass\n"
    )
    found = {
        call.surface.method: call.sql.text for call in discover(tmp_path, [path]).calls if isinstance(call.sql, Sql)
    }
    assert [*found] == ["fetch_all", "fetch_one", "fetch_optional", "execute", "execute_many", "stream", "copy_out"]
    assert [*found.values()] == [f"select {number}" for number in range(1, 8)]
