"""Finding the SQL in a project's code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.proof.discover.model import Call, Discovery, Unreadable


def discover(root: Path, sources: Iterable[Path], skip: Iterable[Path] = ()) -> Discovery:
    """Find every call that takes SQL in the files and folders given; nothing is imported or run.

    ``root`` is the project's folder, which paths in reports are relative to and modules are imported from.
    """
    # Imported here, since a check that is answered from what is kept needs the names of files alone.
    from assay.proof.discover.calls import CallFinder
    from assay.proof.discover.files import python_files
    from assay.proof.discover.model import Discovery, Unreadable
    from assay.proof.discover.resolve import Project

    root = root.resolve()
    files = python_files(sources, skip)
    project = Project(root, files)
    finder = CallFinder(project)
    calls: list[Call] = []
    unreadable: list[Unreadable] = []
    for path in files:
        source = project.read(path)
        if isinstance(source, Unreadable):
            unreadable.append(source)
        else:
            calls += finder.find(source)
    return Discovery(project, tuple(calls), tuple(unreadable), len(files))
