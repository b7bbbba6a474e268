"""Run benchmarks: ``python -m benchmarks [NAME ...]``, all of them unless named.

The database is the one at ``ASSAY_BENCH_URL``, else the embedded server's; tables are made in a database of their
own, which is dropped at the end.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from assay.config import DatabaseUrl
from benchmarks import backup, check, migrations, peers, runtime, starting, testing

BENCHMARKS: dict[str, Callable[[DatabaseUrl], Coroutine[Any, Any, None]]] = {
    "backup": backup.main,
    "check": check.main,
    "migrations": migrations.main,
    "peers": peers.main,
    "runtime": runtime.main,
    "starting": starting.main,
    "testing": testing.main,
}


def server() -> DatabaseUrl:
    """The maintenance database of the server to measure on."""
    given = os.environ.get("ASSAY_BENCH_URL")
    if given:
        return DatabaseUrl.parse(given)
    from assay.server import Server

    return Server.locate("18").ensure_running()


def main() -> None:
    """Run what was asked for."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        asyncio.run(BENCHMARKS[name](server()))


main()
