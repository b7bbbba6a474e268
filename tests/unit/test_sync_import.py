"""What loading the sync surface takes, and what is said where that is not there."""

from __future__ import annotations

import subprocess
import sys

import assay
from assay import sync


def run(code: str) -> str:
    """What a fresh interpreter prints for some code."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


WITHOUT = "import sys; sys.modules['psycopg'] = None; import assay; "


def test_async_surface_works_without_psycopg() -> None:
    assert run(WITHOUT + "print(assay.Pool.__name__, assay.connect.__name__)") == "Pool connect\n"
    assert run("import sys, assay; assay.Pool, assay.connect; print('psycopg' in sys.modules)") == "False\n"


def test_sync_surface_without_psycopg_says_what_to_install() -> None:
    for use in ("import assay.sync", "from assay import sync", "assay.sync"):
        told = run(f"{WITHOUT}\ntry:\n    {use}\nexcept ImportError as error:\n    print(error)")
        assert told.startswith("assay.sync needs psycopg 3, which cannot be loaded")
        assert told.endswith("install it with: pip install 'assay[sync]'\n")


def test_sync_surface_is_found_in_the_package() -> None:
    assert run("import assay; print(assay.sync.Pool.__module__)") == "assay.runtime.sync.pool\n"


def test_names_of_the_sync_surface_are_those_of_the_async_one() -> None:
    assert list(sync.__all__) == sorted(sync.__all__)
    assert {*sync.__all__} <= {*assay.__all__}
    for name in sync.__all__:
        there, here = getattr(assay, name), getattr(sync, name)
        if isinstance(there, type):
            assert public(here) - FOR_THREADS <= public(there), name


FOR_THREADS = {"close", "take_back_later"}
"""What is ``aclose`` where it is awaited, and what only garbage collection in a thread needs."""


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}
