"""docs/replicas.md: what it shows runs, and its options and roles are those that there are."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.replication import Trio

import assay
from assay.config import DatabaseUrl
from assay.runtime.replicas.proven import encode
from assay.runtime.replicas.topology import Role

GUIDE = (Path(__file__).parents[2] / "docs" / "replicas.md").read_text()
PYTHON = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
READ = "select name from device where id = $1"


@pytest.fixture
def folder(trio: Trio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a list, and the table of the examples."""
    trio.primary.run("create table device (id int primary key, name text not null); insert into device values (1, '')")
    trio.settle()
    (tmp_path / ".assay").mkdir()
    (tmp_path / ".assay" / "read-only.json").write_bytes(encode("", [READ]))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    trio.primary.run("drop table device")


async def test_pools_of_the_guide_open(trio: Trio, folder: Path) -> None:
    opening = [code.replace("/srv/app", str(folder)) for code in PYTHON if "assay.Pool(" in code]
    for code in opening:
        async with (await run(code, **urls(trio)))["pool"] as pool:
            assert [member.role for member in pool.members()] == ["primary", "replica", "replica"]
    assert len(opening) == 3


async def test_examples_of_the_guide_run(trio: Trio, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    using = [code for code in PYTHON if "assay.Pool(" not in code]
    async with assay.Pool(trio.primary.url, replicas=trio.replicas) as pool:
        names = [await run(code, pool=pool) for code in using]
    assert [found.get("name") for found in names] == ["phone", "tablet", None]
    assert re.fullmatch(r"1:0/[0-9A-F]+", names[1]["cookie"])
    assert [line.split("/run ")[1].split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "primary", "replica", "replica"
    ]  # fmt: skip


def urls(trio: Trio) -> dict[str, DatabaseUrl]:
    return {"primary": trio.primary.url, "first": trio.first.url, "second": trio.second.url}


async def run(code: str, **names: Any) -> dict[str, Any]:
    """Run an example; what it leaves, by name."""
    names["assay"] = assay
    running = eval(compile(code, "guide", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(running):
        await running
    return names


def test_every_option_and_role_is_named() -> None:
    for option in fields(assay.Replicas):
        assert option.name == "urls" or f"{option.name}=" in GUIDE, option.name
    for role in Role:
        assert f"`{role}`" in GUIDE, role
