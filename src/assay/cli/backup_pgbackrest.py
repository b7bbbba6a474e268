"""``assay backup pitr`` by pgBackRest: what its commands do where there is a stanza."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.cli.backup_options import size
from assay.cli.output import write_json
from assay.config import DatabaseUrl

if TYPE_CHECKING:
    from assay.ops.backup.pitr.pgbackrest import Kept


def init(url: DatabaseUrl, name: str, replace: bool, every: int, output_format: str) -> None:
    """Make the stanza, and have the server archive through it."""
    from assay.ops.backup.pitr.pgbackrest import find_stanza, set_up_stanza

    done = asyncio.run(set_up_stanza(url, find_stanza(name), replace=replace, every=every))
    if output_format == "json":
        write_json({
            "stanza": name, "archive_command": done.command, "restart": done.restart, "archived": done.archived,
        })  # fmt: skip
    elif done.restart:
        print(f"Set up to archive to the stanza {name}. Restart the server, then: assay backup pitr base")
    else:
        print(f"The server archives to the stanza {name}; {done.archived} has arrived")


def base(url: DatabaseUrl, name: str, output_format: str) -> None:
    """Have pgBackRest make a backup."""
    from assay.ops.backup.pitr.pgbackrest import find_stanza, make_backup

    made = asyncio.run(make_backup(url, find_stanza(name)))
    if output_format == "json":
        write_json(_as_json(made))
    else:
        _show(made)


def status(name: str, output_format: str) -> int:
    """Show the backups of the stanza; how many things are in the way."""
    from assay.ops.backup.pitr.pgbackrest import find_stanza, read_backups

    kept = asyncio.run(read_backups(find_stanza(name)))
    problems = [] if kept else ["There is no backup; make one with assay backup pitr base"]
    if output_format == "json":
        write_json({"stanza": name, "problems": problems, "bases": [_as_json(one) for one in kept]})
        return len(problems)
    for one in kept:
        _show(one)
    for problem in problems:
        print(problem)
    return len(problems)


def restore(name: str, moment: datetime, into: Path, output_format: str) -> None:
    """Have pgBackRest make a data directory."""
    from assay.ops.backup.pitr.pgbackrest import find_stanza, restore_stanza
    from assay.server.account import service_account

    into = into.absolute()
    asyncio.run(restore_stanza(find_stanza(name), moment, into, service_account()))
    if output_format == "json":
        write_json({"folder": str(into), "stanza": name, "moment": moment.isoformat()})
        return
    print(f"Restored the stanza {name} to {into}; a server that is started on it replays the log up to {moment}")


def _show(kept: Kept) -> None:
    since = kept.finished.isoformat(" ", "seconds")
    print(f"{kept.label}  {kept.kind}, {size(kept.size)}, from {since}")


def _as_json(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.label,
        "kind": kept.kind,
        "started": kept.started.isoformat(),
        "finished": kept.finished.isoformat(),
        "size": kept.size,
    }
