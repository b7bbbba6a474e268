"""PostgreSQL's own regression suite, each statement proven before it runs and held against its rows.

The suite and the program that replays it are no part of the repository. They are named by the environment:

- ``ASSAY_REGRESS_REPLAY``: the program, which takes the folder of the suite, the URL of a superuser and ``assay``, and
  whose last line gives the figures;
- ``ASSAY_REGRESS_SOURCE_18``, ``ASSAY_REGRESS_SOURCE_15``: PostgreSQL's source, of the server's own version, in a folder
  that the server's account can read.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.errors import ServerError
from assay.server import Server

LEAST = 66.0
"""Percent of the columns never seen NULL on 18 that must be proven so."""


async def major_version(server: DatabaseUrl) -> str:
    connection = await asyncpg.connect(server.reveal())
    try:
        return str(connection.get_server_version().major)
    finally:
        await connection.close()


@pytest.fixture
def library_folder() -> Iterator[Path]:
    """A folder that the server's account can read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def named(variable: str) -> Path:
    """The path that a variable of the environment gives; without one, the test is skipped."""
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} is not set")
    assert Path(path).exists(), f"{variable} names {path}, which is not there"
    return Path(path)


def build_library(source: Path, version: str, folder: Path) -> None:
    """Build regress.so, which some of the scripts need, where a compiler and the server's headers are there."""
    try:
        headers = subprocess.check_output(
            [Server.locate(version).binary("pg_config"), "--includedir-server"], text=True
        ).strip()
        code = source / "src/test/regress/regress.c"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-w", f"-I{headers}", "-o", folder / "regress.so", code],
            check=True,
            capture_output=True,
        )
    except (OSError, ServerError, subprocess.CalledProcessError) as error:
        print(f"\nwithout regress.so, so fewer statements: {error}")


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_soak_no_proof_is_wrong_on_the_regression_suite(server: DatabaseUrl, library_folder: Path) -> None:
    """Drops and creates the database ``regression``, and roles that begin with ``regress``, on the server."""
    version = await major_version(server)
    replay, source = named("ASSAY_REGRESS_REPLAY"), named(f"ASSAY_REGRESS_SOURCE_{version}")
    build_library(source, version, library_folder)
    environment = {"LIBDIR": str(library_folder), "PSQL": str(Server.locate(version).binary("psql"))}
    found = subprocess.run(
        [sys.executable, replay, source / "src/test/regress", server.reveal(), "assay"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = found.stdout.splitlines()
    print(f"\nPostgreSQL {version}, its regression suite:", *lines, sep="\n")
    assert found.returncode == 0
    assert re.search(r"\b0 failures\b", lines[-1]), lines[-1]
    proven = re.search(r"([\d.]+)% of columns", lines[-1])
    assert proven is not None
    assert version != "18" or float(proven[1]) >= LEAST
