"""Assay's commands run as a person runs them, in a copy of the backend."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BACKEND = Path(__file__).parents[1]
_LEFT_BEHIND = shutil.ignore_patterns("tests", "__pycache__", ".env", ".assay")


def copy_backend(folder: Path) -> Path:
    """RealityCam's files in a folder of their own, less its tests and its offline cache."""
    return Path(shutil.copytree(BACKEND, folder / "realitycam", ignore=_LEFT_BEHIND))


def run_assay(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``assay`` in a folder with nothing of this process's environment but where programs and state are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "ASSAY_HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "assay", *arguments],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def replace_once(path: Path, old: str, new: str) -> None:
    """Change a file at one place, which must be there once."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))
