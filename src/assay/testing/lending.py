"""Databases for the fixtures of one test, and what becomes of them when it fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import pytest

from assay.config import Settings, load_settings, seed_environments
from assay.errors import ConfigurationError, Error, ResourceError
from assay.testing.leftovers import warn_of_sessions
from assay.testing.names import new_key
from assay.testing.summary import NO_DATABASE, note_roles
from assay.testing.workshop import Environments, Lent, Workshop

T = TypeVar("T")


_LENT = pytest.StashKey[Lent]()
_LENDER = pytest.StashKey["Lender"]()


@dataclass(eq=False, slots=True)
class Lender:
    """The workshop of a session, and what went wrong in it."""

    workshop: Workshop
    failures: dict[tuple[Path, Environments], str] = field(default_factory=dict)
    settings: dict[Path, Settings] = field(default_factory=dict)


def lender(config: pytest.Config) -> Lender:
    """The session's, made when the first test asks for a database."""
    if _LENDER not in config.stash:
        session = getattr(config, "workerinput", {}).get("testrunuid") or new_key()
        config.stash[_LENDER] = Lender(Workshop(session))
    return config.stash[_LENDER]


def close(config: pytest.Config) -> None:
    """Drop what is not kept, if any test asked for a database, and note what the summary has to tell."""
    found = config.stash.get(_LENDER, None)
    if found is None:
        return
    del config.stash[_LENDER]
    if "assay.testing.synchronous" in sys.modules:
        sys.modules["assay.testing.synchronous"].close_kept()
    with suppress(Error):  # the next session sweeps up
        note_roles(config, found.workshop.close())


def settings_for(request: pytest.FixtureRequest) -> Settings:
    """The settings of the project that the test's file lies in, or, where no file says, of pytest's root."""
    known, folder = lender(request.config).settings, request.path.parent
    if folder not in known:
        known[folder] = _usable(lambda: _settings_of(folder, request.config.rootpath))
    return known[folder]


def _settings_of(folder: Path, root: Path) -> Settings:
    found = load_settings(folder)
    return load_settings(root) if not (found.root / "pyproject.toml").is_file() else found


@contextmanager
def own_database(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Lent]:
    """A database for the test alone."""
    found = lender(request.config)
    environments = _environments(request, settings)
    lent = _get(request, settings, environments, lambda: found.workshop.lend(settings, environments))
    request.node.stash[_LENT] = lent
    try:
        yield lent
    finally:
        del request.node.stash[_LENT]
        warn_of_sessions(found.workshop.give_back(lent))


def shared_database(request: pytest.FixtureRequest, settings: Settings) -> Lent:
    """The database for tests that roll back; the test's own one where it has one."""
    if _LENT in request.node.stash:
        own: Lent = request.node.stash[_LENT]
        return own
    found = lender(request.config)
    environments = _environments(request, settings)
    return _get(request, settings, environments, lambda: found.workshop.share(settings, environments))


def spoil(request: pytest.FixtureRequest, lent: Lent) -> None:
    """Take the shared database out of use, since a test left something in it."""
    if request.node.stash.get(_LENT, None) is not lent:
        lender(request.config).workshop.spoil(lent)


def keep_if_failed(item: pytest.Item, report: pytest.TestReport) -> None:
    """Keep the database of a failed test, and say in the report how to look at it."""
    lent = item.stash.get(_LENT, None)
    if lent is None or not report.failed or lent.kept:
        return
    with suppress(Error):  # the server may be what failed
        if lender(item.config).workshop.keep(lent, item.nodeid):
            report.sections.append(("database", how_to_look(lent)))


def how_to_look(lent: Lent) -> str:
    """The name of a kept database, and a command that opens it."""
    place = lent.site.place
    lines = [f"The database {lent.name} is kept as the test left it, until the next session of this project:"]
    if place.memory is not None:
        lines.append(f"  ASSAY_HOME={place.memory} assay server url   # starts its server, should it have stopped")
    shown = replace(lent.url, password=None)
    lines.append(f"  psql '{shown.reveal()}'")
    return "\n".join(lines)


def _environments(request: pytest.FixtureRequest, settings: Settings) -> Environments:
    marker = request.node.get_closest_marker("assay_seed")
    if marker is None:
        return settings.testing.seed
    value = marker.args[0] if len(marker.args) == 1 else marker.args or True
    return _usable(lambda: seed_environments(value, "What pytest.mark.assay_seed takes"))


def _usable(read: Callable[[], T]) -> T:
    """What is read; where that cannot be used, the test fails with the sentence alone."""
    try:
        return read()
    except ConfigurationError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


def _get(request: pytest.FixtureRequest, settings: Settings, environments: Environments, get: Callable[[], T]) -> T:
    """Get a database; when there is none to be had, fail once for all tests that need it, and skip the others."""
    failures, key = lender(request.config).failures, (settings.root, environments)
    if key in failures:
        pytest.skip(NO_DATABASE + failures[key])
    try:
        return get()
    except Error as error:
        message, passing = str(error), isinstance(error, ResourceError)  # which may be over in a moment
    if passing:
        pytest.fail(message, pytrace=False)
    failures[key] = message.partition("\n")[0]
    if not _first(request, f"{key}"):
        pytest.skip(NO_DATABASE + failures[key])
    pytest.fail(f"The database for tests cannot be made.\n{message}", pytrace=False)


def _first(request: pytest.FixtureRequest, what: str) -> bool:
    """Whether no other worker of this session has reported the same."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return True
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    told = factory.getbasetemp().parent / f"assay-{sha256(what.encode()).hexdigest()[:16]}"
    try:
        told.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
