"""The fixtures and hooks that pytest loads; each imports what it needs when it is first used.

::

    async def test_a_device_is_found_again(assay_db):
        await assay_db.execute("insert into device (name) values ('Phone')")
        assert await assay_db.fetch_one(int, "select count(*) from device") == 1
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from assay import sync
    from assay.config import DatabaseUrl, Settings
    from assay.runtime.connection import Connection
    from assay.runtime.pool import Pool
    from assay.testing.workshop import Lent

_LENDING = "assay.testing.lending"
"""The module that is loaded once a test has asked for a database."""
_OWN = frozenset({"assay_pool", "assay_sync_pool", "assay_database_url"})
"""The fixtures that are about a database of the test's own."""
_MARKER = (
    "assay_seed(*environments): seed the test's database with the common seeds and those of the environments; "
    "assay_seed(False) leaves it without seeds"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and the fixtures for the plugins that run asynchronous tests."""
    config.addinivalue_line("markers", _MARKER)
    from assay.testing.loops import has_anyio, has_asyncio

    if has_asyncio(config):
        from assay.testing import under_asyncio

        config.pluginmanager.register(under_asyncio, "assay-asyncio")
    if has_anyio(config):
        from assay.testing import under_anyio

        config.pluginmanager.register(under_anyio, "assay-anyio")


@pytest.fixture
def assay_settings(request: pytest.FixtureRequest) -> Settings:
    """The settings of the project that the test's file lies in. Define it anew to test with others."""
    from assay.testing.lending import settings_for

    return settings_for(request)


@pytest.fixture
def assay_db(request: pytest.FixtureRequest, assay_settings: Settings) -> Connection:
    """A connection inside of a transaction, on the migrated and seeded schema; it is rolled back after the test.

    ``transaction()`` in it is a savepoint. The database is shared by tests that roll back, except where the test also
    has one of its own, through assay_pool or assay_database_url.
    """
    return _on_the_loop_of_the_test(request, "assay_db")  # type: ignore[no-any-return]  # fixtures are found by name


@pytest.fixture
def assay_pool(request: pytest.FixtureRequest, assay_settings: Settings) -> Pool:
    """A pool on a database of the test's own, migrated and seeded: for tests that commit, listen or race."""
    return _on_the_loop_of_the_test(request, "assay_pool")  # type: ignore[no-any-return]  # as above


@pytest.fixture
def assay_database_url(_assay_database: Lent) -> DatabaseUrl:
    """The URL of the test's own database, for anything else; ``reveal()`` gives the text of it."""
    return _assay_database.url


@pytest.fixture
def assay_sync_db(request: pytest.FixtureRequest, assay_settings: Settings) -> Iterator[sync.Connection]:
    """``assay_db`` for synchronous tests; it takes ``pip install 'assay[sync]'``."""
    _own_database_first(request)
    from assay.testing.synchronous import provide_db

    yield from provide_db(request, assay_settings)


@pytest.fixture
def assay_sync_pool(_assay_database: Lent) -> Iterator[sync.Pool]:
    """``assay_pool`` for synchronous tests; it takes ``pip install 'assay[sync]'``."""
    from assay.testing.synchronous import provide_pool

    yield from provide_pool(_assay_database)


@pytest.fixture
def _assay_database(request: pytest.FixtureRequest, assay_settings: Settings) -> Iterator[Lent]:
    from assay.testing.lending import own_database

    with own_database(request, assay_settings) as lent:
        yield lent


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the database of a test that failed."""
    report = yield
    if _LENDING in sys.modules:
        from assay.testing.lending import keep_if_failed

        keep_if_failed(item, report)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Drop all databases that are not kept, after the last fixture has ended."""
    if _LENDING in sys.modules:
        from assay.testing.lending import close

        close(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what a worker of pytest-xdist has to tell."""
    output = getattr(node, "workeroutput", {})
    if output:
        from assay.testing.summary import note_worker

        note_worker(node.config, output)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which tests were not run since there was no database for them, and which roles changed."""
    from assay.testing.summary import write_summary

    write_summary(terminalreporter)


def _own_database_first(request: pytest.FixtureRequest) -> None:
    """Where the test has a database of its own, in whatever order it names its fixtures, all of them use that."""
    if not _OWN.isdisjoint(request.fixturenames):
        request.getfixturevalue("_assay_database")


def _on_the_loop_of_the_test(request: pytest.FixtureRequest, name: str) -> Any:
    from assay.testing.loops import variant

    found = variant(request, name)
    _own_database_first(request)
    return request.getfixturevalue(found)
