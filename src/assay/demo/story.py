"""The demo's steps in their order: a server, one backend at length, the others in brief, and a table of them all."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from time import perf_counter

from assay.config import EMBEDDED_SERVER, DatabaseUrl
from assay.demo import realitycam
from assay.demo.lineup import FIRST, OTHERS
from assay.demo.parts import Pause, show
from assay.demo.step import Shown, Step
from assay.demo.workshop import check_packages, find_backends, workshop

COLUMNS = ("backend", "migrations", "rows seeded", "queries proven", "requests", "seconds")


def tell(pause: Pause = lambda: None) -> Generator[Step, None, None]:
    """Run the demo, step by step; whatever it made is gone at the end, or when the generator is closed.

    Args:
        pause: is called within long steps, wherever everything can be put away; what it raises is raised.

    Raises UsageError at once when a package is missing, and Error when anything does not come out as the demo says.
    """
    check_packages()
    return _steps(pause)


def _steps(pause: Pause) -> Generator[Step, None, None]:
    began = perf_counter()
    with workshop() as backends:
        server, step = _start_server()
        yield step
        shown = [(yield from realitycam.steps(backends / FIRST.folder, server))]
        for backend in OTHERS:
            step, one = show(backend, backends / backend.folder, server, pause)
            shown.append(one)
            yield step
    seconds = perf_counter() - began
    yield _sum_up(shown)
    gone = "the services are stopped, the demo's databases and folder are removed"
    near = _near(find_backends())
    yield Step("All gone", gone, seconds, (f"what you saw is in {near}: begin with {FIRST.folder}/README.md",))


def _start_server() -> tuple[DatabaseUrl, Step]:
    from assay.server import Server

    began = perf_counter()
    server = Server.locate(EMBEDDED_SERVER)
    ran = server.status().running
    url = server.ensure_running()
    version = server.status().version
    done = f"PostgreSQL {version}, {'running already' if ran else 'started'}; Assay brings it along"
    lines = ("nothing to set up, no port is opened, and it stops by itself when nobody uses it",)
    return url, Step("A server", done, perf_counter() - began, lines)


def _sum_up(shown: Sequence[Shown]) -> Step:
    queries = sum(one.queries for one in shown)
    requests = sum(one.requests for one in shown)
    done = f"{len(shown)} services: all {queries} queries proven, all {requests} requests answered as they must be"
    return Step("In all", done, sum(one.seconds for one in shown), tuple(_table(shown)), tuple(shown))


def _table(shown: Sequence[Shown]) -> Iterator[str]:
    """The first column to the left, numbers to the right."""
    width = max(len(one.backend) for one in shown)
    yield "  ".join([f"{COLUMNS[0]:<{width}}", *COLUMNS[1:]])
    for one in shown:
        proven = f"{one.queries} of {one.queries}"
        values = (one.migrations, one.rows, proven, one.requests, f"{one.seconds:.2f}")
        cells = (f"{value:>{len(name)}}" for name, value in zip(COLUMNS[1:], values, strict=True))
        yield "  ".join([f"{one.backend:<{width}}", *cells])


def _near(path: Path) -> Path:
    """The path as a person would write it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
