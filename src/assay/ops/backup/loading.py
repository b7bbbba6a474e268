"""An archive loaded by pg_restore into a database that is empty."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.create import Told
from assay.ops.backup.manifest import Contents, Manifest
from assay.ops.backup.programs import output_of, run_program
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate
from assay.server.client_programs import client_program
from assay.sql.quoting import quote_identifier
from assay.sql.splitting import Statement, split_statements

_RESTORING = re.compile(r"pg_restore: processing data for table ")
_NAMED = re.compile(r'\bDATABASE ("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)')
_OF_DATABASE = re.compile(r"\d+; \d+ \d+ (?:DATABASE PROPERTIES -|ACL - DATABASE|COMMENT - DATABASE) ")
_OF_PSQL = re.compile(r"^\\(?:connect|restrict|unrestrict) .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Loading:
    """How an archive is loaded."""

    jobs: int = 1
    """Sessions that load at once."""
    owners: bool = True
    """Whether objects get the owners they had, which takes a superuser where these are others."""
    privileges: bool = True

    def options(self) -> list[str]:
        """The arguments of pg_restore."""
        options = [] if self.jobs == 1 else [f"--jobs={self.jobs}"]
        options += [] if self.owners else ["--no-owner"]
        return options if self.privileges else [*options, "--no-privileges"]


def check_version(manifest: Manifest, into: DatabaseUrl, major: int) -> None:
    """Raises BackupError when a server is older than the one that was backed up: pg_dump does not write for it."""
    if major < manifest.server_major:
        raise BackupError(
            f"The backup {manifest.id} is of PostgreSQL {manifest.server_major}, and {into.place} is on {major}; "
            f"restore it on a server of version {manifest.server_major} or newer"
        )


async def load(
    manifest: Manifest,
    archive: Path,
    into: DatabaseUrl,
    loading: Loading,
    *,
    major: int,
    schema_of: DatabaseUrl | None = None,
    told: Told | None = None,
) -> None:
    """Load an archive into an empty database.

    Args:
        manifest: of the backup.
        archive: on this machine, checked.
        into: the database.
        loading: how.
        major: the version of its server.
        schema_of: the database that has the schema for a backup of data alone. Tables come first, then the rows, then
            indexes and constraints.
        told: told the progress, in tables.

    Raises BackupError with pg_restore's words.
    """
    program = client_program("pg_restore", max(major, manifest.program_major))
    arguments = ["--no-password", "--verbose", "--exit-on-error", f"--dbname={_conninfo(into.database)}"]
    arguments += loading.options()
    heard = _heard(len(manifest.tables), told)
    if manifest.contents is not Contents.DATA:
        await run_program(program, into, [*arguments, archive], heard=heard)
        return
    if schema_of is None:
        raise BackupError(f"The backup {manifest.id} has data alone; name a database that has their tables")
    with tempfile.TemporaryDirectory(prefix="assay-schema-") as folder:
        schema = Path(folder) / "schema.dump"
        dump = client_program("pg_dump", major)
        await run_program(dump, schema_of, ["--no-password", "--schema-only", "--format=custom", f"--file={schema}"])
        await run_program(program, into, [*arguments, "--section=pre-data", schema])
        await run_program(program, into, [*arguments, archive], heard=heard)
        await run_program(program, into, [*arguments, "--section=post-data", schema])


async def load_settings_of_database(archive: Path, into: DatabaseUrl, loading: Loading, *, major: int) -> None:
    """Give a database what ``ALTER DATABASE ... SET``, GRANT and COMMENT said of the one that was backed up.

    Raises BackupError or DatabaseError when that cannot be, such as for a role that is not there.
    """
    program = client_program("pg_restore", major)
    listed = await output_of(program, ["--list", "--create", archive])
    wanted = [line for line in listed.splitlines() if _OF_DATABASE.match(line)]
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="assay-list-") as folder:
        chosen = Path(folder) / "list"
        chosen.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        options = [] if loading.privileges else ["--no-privileges"]
        script = await output_of(program, ["--create", f"--use-list={chosen}", "--file=-", *options, archive])
    name = quote_identifier(into.database or "")
    statements = [
        _NAMED.sub(lambda _: f"DATABASE {name}", part.text[part.lead :], count=1)
        for part in split_statements(_OF_PSQL.sub("", script))
        if _is_of_database(part, loading)
    ]
    await _execute(into, statements)


def _is_of_database(part: Statement, loading: Loading) -> bool:
    if part.words[:1] not in (("alter",), ("grant",), ("revoke",), ("comment",)):
        return False
    return _NAMED.search(part.text) is not None and ("owner" not in part.words[:4] or loading.owners)


async def _execute(into: DatabaseUrl, statements: list[str]) -> None:
    connection = await open_connection(into)
    try:
        for statement in statements:
            await connection.execute(statement)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()


def _heard(total: int, told: Told | None) -> Callable[[str], None]:
    done = 0

    def hear(line: str) -> None:
        nonlocal done
        if told is not None and _RESTORING.match(line):
            told(min(done, total), max(1, total))
            done += 1

    return hear


def _conninfo(database: str | None) -> str:
    """A database's name as pg_restore takes any: a plain one with a ``=`` would be read as something else."""
    escaped = (database or "").replace("\\", r"\\").replace("'", r"\'")
    return f"dbname='{escaped}'"
