"""Where findings are, as the programs that read reports count it: from the root of the repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def base_folder(root: Path, environ: Mapping[str, str]) -> Path:
    """The folder that paths are relative to: on GitHub the workspace, when the project lies in it, or its own root."""
    workspace = environ.get("GITHUB_WORKSPACE")
    folder = Path(workspace).resolve() if workspace else root
    return folder if root.is_relative_to(folder) else root


def located(path: str, root: Path, base: Path) -> str:
    """A finding's path, which is relative to the project's root, from the base; absolute when it lies elsewhere."""
    full = root / path
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else full.as_posix()
