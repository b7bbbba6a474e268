"""Modules of a project are imported, and afterwards it is as if they had not been."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from assay.proof.importable import Importable


def test_folders_without_init_are_undone_in_whatever_order_they_come(tmp_path: Path) -> None:
    """A folder in a folder asks for the one above it, which must be there still."""
    names = [f"outer_{number}" for number in range(20)]
    for name in names:
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "module.py").write_text("here = True\n")
    with Importable(tmp_path, [tmp_path]):
        for name in names:
            assert importlib.import_module(f"{name}.inner.module").here
    assert [name for name in sys.modules if name.startswith("outer_")] == []
