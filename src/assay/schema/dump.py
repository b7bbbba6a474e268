"""The schema of a database as one file of SQL: the same bytes for the same schema, whoever writes it.

pg_dump writes it; what depends on the day, the program or the server's minor version is left out, and so are owners,
privileges and whatever holds passwords. Some expressions are written differently once they have been read back
(``(status)::text = ANY ((ARRAY['a'::varchar])::text[])`` is the common one), so the file is loaded into an empty
database and dumped from there. That also shows that it can be loaded.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import Error
from assay.migrate.ledger import TABLE as LEDGER
from assay.migrate.unfinished import TABLE as UNFINISHED
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate
from assay.schema.scratch import empty_database
from assay.server.client_programs import client_program, run_client
from assay.sql.splitting import Statement, split_statements

_OPTIONS = (
    "--no-owner",
    "--no-tablespaces",
    "--no-subscriptions",
    f"--exclude-table=*.{LEDGER}",
    f"--exclude-table=*.{UNFINISHED}",
)
_RESTRICT = re.compile(r"^\\restrict (\S+)$", re.MULTILINE)
_END = re.compile(r"\n--\n-- PostgreSQL database dump complete\n--\s*\Z")
_PLAIN = {
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
}
"""Settings that a server, a role or a database may have otherwise, and that pg_dump leaves as they are."""
_HEAP = "set default_table_access_method = heap;"
_UNCHECKED = "SET check_function_bodies = false;"
_CHECKED = "RESET check_function_bodies;"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a dump has besides the objects themselves."""

    privileges: bool = False
    """What GRANT and REVOKE gave and took."""
    data: bool = False
    """The rows of tables, as INSERT statements, and where sequences stand."""

    def options(self) -> tuple[str, ...]:
        """The arguments for pg_dump."""
        what = "--inserts" if self.data else "--schema-only"
        return (what, *_OPTIONS, *(() if self.privileges else ("--no-privileges",)))


SCHEMA = Contents()
"""The objects alone."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A schema as SQL."""

    text: str
    """The file: UTF-8, lines ending in ``\\n``, one empty line between statements."""
    statements: int
    unloaded: str = ""
    """Why it could not be tried whether the file can be loaded; empty when it was loaded."""


async def dump_schema(url: DatabaseUrl, contents: Contents = SCHEMA) -> Dump:
    """The schema of a database, without Assay's own tables.

    It needs pg_dump on this machine, of the server's version or a newer one, and leaves nothing behind on the server.

    Args:
        url: the database.
        contents: what else to write.

    Raises ServerError when there is no pg_dump or it fails, ConnectionFailed and the like.
    """
    major, settings = await _look(url)
    program = client_program("pg_dump", major)
    plain = _with_settings(url, settings)
    first = await _dump(program, plain, major, contents)
    if not split_statements(first):
        return Dump(first, 0)
    try:
        async with empty_database(plain) as scratch:
            await _load(scratch, first)
            return _counted(await _dump(program, scratch, major, contents))
    except Error as error:
        return _counted(first, f"{error}".partition("\n")[0])


async def written_out(url: DatabaseUrl, contents: Contents = SCHEMA) -> str:
    """The schema of a database as pg_dump writes it, tidied; expressions are as they are, and nothing is created.

    Raises what ``dump_schema`` does.
    """
    major, settings = await _look(url)
    return await _dump(client_program("pg_dump", major), _with_settings(url, settings), major, contents)


def tidy(script: str, major: int) -> str:
    """pg_dump's script without what differs from one run, program or minor version to the next.

    Args:
        script: as ``pg_dump --schema-only --no-owner --no-privileges`` writes it.
        major: the server's major version, which the file names.
    """
    key = _RESTRICT.search(script)
    if key is not None:
        script = re.sub(rf"^\\(?:un)?restrict {re.escape(key[1])}\n", "", script, flags=re.MULTILINE)
    kept = [part for part in split_statements(_END.sub("\n", script)) if not _is_left_out(part)]
    texts = [part.text[part.lead :].strip() for part in kept]
    if any(_creates_routine(part) for part in kept):
        texts = [_UNCHECKED, *texts, _CHECKED]
    return "\n\n".join([f"-- The schema on PostgreSQL {major}, written by assay schema dump.", *texts]) + "\n"


def _is_left_out(part: Statement) -> bool:
    match part.words:
        case ("set", "default_table_access_method", *_):
            return part.text.strip().lower().endswith(_HEAP)
        case ("set" | "reset", *_):
            return True
        case ("select", "pg_catalog", "set_config", *_):  # of the search path: every name is qualified
            return True
        case ("comment", "on", "extension", *_):
            return True
        case ("create", "user", "mapping", *_):  # it may hold a password
            return True
    return False


def _creates_routine(part: Statement) -> bool:
    return part.words[:1] == ("create",) and not {"function", "procedure"}.isdisjoint(part.words[1:4])


def _counted(text: str, unloaded: str = "") -> Dump:
    count = sum(part.words[:1] not in (("set",), ("reset",)) for part in split_statements(text))
    return Dump(text, count, unloaded)


async def _dump(program: Path, url: DatabaseUrl, major: int, contents: Contents) -> str:
    with tempfile.TemporaryDirectory(prefix="assay-dump-") as folder:
        path = Path(folder) / "schema.sql"  # what comes through a pipe as text has lost its carriage returns
        await asyncio.to_thread(run_client, program, url, (*contents.options(), f"--file={path}"))
        script = await asyncio.to_thread(path.read_bytes)
    return tidy(script.decode(), major)


async def _look(url: DatabaseUrl) -> tuple[int, dict[str, str]]:
    """The server's major version, and what a session has to set so that it writes constants as every other one does."""
    connection = await open_connection(url)
    try:
        rows = await connection.fetch(
            "select name, current_setting(name) as value from unnest($1::text[]) name", list(_PLAIN)
        )
        return connection.get_server_version().major, {
            row["name"]: _PLAIN[row["name"]] for row in rows if row["value"] != _PLAIN[row["name"]]
        }
    finally:
        await connection.close()


def _with_settings(url: DatabaseUrl, settings: Mapping[str, str]) -> DatabaseUrl:
    """A URL whose sessions have settings; most often there are none to be set, and a proxy need not take any."""
    if not settings:
        return url
    given = dict(url.options)
    added = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return replace(url, options=tuple((given | {"options": f"{given.get('options', '')} {added}".strip()}).items()))


async def _load(url: DatabaseUrl, text: str) -> None:
    connection = await open_connection(url)
    try:
        await connection.execute(text)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
