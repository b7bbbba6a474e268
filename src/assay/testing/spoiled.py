"""What a rollback cannot undo, in words."""

from __future__ import annotations

from assay.errors import Error

SAVEPOINT = "assay_test"
"""Behind the BEGIN around a test; it is there as long as the transaction is."""


class Spoiled(Error):
    """A test did what its rollback cannot undo."""


def lost(name: str) -> Spoiled:
    """The connection of the fixture is gone."""
    return Spoiled(
        f"The connection of {name} was lost or cut during the test, so that what it left in the database is not "
        f"known, and the other tests get a new one; to try how code takes that, use {_pool(name)}"
    )


def still_running(name: str, who: str) -> Spoiled:
    """Somebody else is using the connection."""
    return Spoiled(f"A {who} of the test was still running a statement on {name} when the test was over; wait for it")


def ended(name: str, error: Error) -> Spoiled:
    """The transaction is not the one that was begun."""
    return Spoiled(
        f"The test ended the transaction of {name} itself, by COMMIT, ROLLBACK or the like, so that what came "
        f"after it stays in the database, and the other tests get a new one; use {name}.transaction() for "
        f"a part that is rolled back alone, and {_pool(name)} for tests that commit (the server: {error})"
    )


def closing(name: str) -> str:
    """Why the test may not close the connection."""
    return (
        f"{name} is closed by the plugin when the test is over; for connections that the test closes itself, "
        f"use {_pool(name)} or assay_database_url"
    )


def _pool(name: str) -> str:
    return name.replace("_db", "_pool")
