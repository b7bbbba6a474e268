"""Where the demo works: a copy of the backends in a temporary folder, and databases of its own."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.config import DatabaseUrl
from assay.demo.lineup import FIRST
from assay.errors import UsageError

PACKAGES = {
    "annotated_types": "annotated-types",
    "argon2": "argon2-cffi",
    "cryptography": "cryptography",
    "fastapi": "fastapi",
    "httpx": "httpx",
    "jsonschema": "jsonschema",
    "jwt": "pyjwt",
    "python_multipart": "python-multipart",
    "re2": "google-re2",
    "uvicorn": "uvicorn",
}
"""What the backends import, and what pip calls it; the embedded server says itself what it lacks."""

_LEFT_BEHIND = shutil.ignore_patterns("tests", "__pycache__", ".env", ".assay")


def check_packages() -> None:
    """Raise UsageError, saying what to install, unless everything that the demo needs is there."""
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        names = " ".join(missing)
        raise UsageError(f"The demo needs {', '.join(missing)}; install what is missing with: pip install {names}")


def find_backends() -> Path:
    """The folder of the backends: in the clone that Assay runs from, or in the installed package.

    Raises UsageError when it is in neither.
    """
    package = Path(__file__).parents[1]
    places = (package.parents[1] / "backends", package / "demo" / "backends")
    for place in places:
        if (place / FIRST.folder / "app.py").is_file():
            return place
    raise UsageError(
        f"The backends that the demo shows are neither at {places[0]} nor at {places[1]}; "
        "run the demo in a clone of Assay, or install Assay from its wheel"
    )


@contextmanager
def workshop() -> Iterator[Path]:
    """A copy of the backends, without tests and settings, in a temporary folder that is removed afterwards.

    It is a package of a name of its own, so that nothing else that is imported stands in for it.
    """
    with TemporaryDirectory(prefix="assay-demo-") as folder:
        package = Path(folder) / f"backends_{secrets.token_hex(4)}"
        yield Path(shutil.copytree(find_backends(), package, ignore=_LEFT_BEHIND))


def load_module(backend: Path, name: str) -> Any:
    """Import a module of the copy, such as ``app`` or ``queries.devices``."""
    package = backend.parent
    sys.path.insert(0, str(package.parent))
    try:
        return import_module(f"{package.name}.{backend.name}.{name}")
    finally:
        sys.path.remove(str(package.parent))


@contextmanager
def demo_database(server: DatabaseUrl) -> Iterator[DatabaseUrl]:
    """A new, empty database on a server; it is dropped afterwards."""
    from assay.server import create_database, drop_database

    url = server.with_database(f"assay_demo_{secrets.token_hex(4)}")
    try:
        asyncio.run(create_database(url))
        yield url
    finally:
        asyncio.run(drop_database(url, force=True))
