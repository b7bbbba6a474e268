"""What to do about failures that a deployment of erc8004 runs into."""

from __future__ import annotations

import assay

_BY_STATE = {
    "0A000": "The server lacks something that was asked for. TimescaleDB and pgcrypto are optional: unset "
    "erc8004.partitions (ALTER DATABASE ... RESET erc8004.partitions) to do without TimescaleDB.",
    "58P01": "A file of an extension is missing on the server: install its package there, of the server's version.",
    "42501": "The role lacks a privilege. The worker creates and drops chunks, so it must own the tables: run it as "
    "the role that ran the migrations. Readers need GRANT SELECT ON ALL TABLES IN SCHEMA public.",
    "42P01": "A table is missing: apply the migrations, with assay migrate run in backends/erc8004.",
    "55000": "The database is not in the state that this needs; the message says what to do first.",
}
_NO_CHUNK = (
    "The chunk for the time of that event is not there: add events through the worker, which creates chunks, or call "
    "SELECT ensure_event_chunks(first, last) before inserting by hand."
)


def advice(error: assay.Error) -> str | None:
    """What to do about an error, where that is known."""
    if not isinstance(error, assay.DatabaseError):
        return None
    if error.sqlstate == "23514" and "no partition of relation" in str(error):
        return _NO_CHUNK
    return _BY_STATE.get(error.sqlstate or "")


def explained(error: assay.Error) -> str:
    """What happened, and in a second line what to do, where that is known."""
    return "\n".join(filter(None, [str(error), advice(error)]))
