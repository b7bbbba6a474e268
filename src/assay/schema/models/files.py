"""Models on disk: what is there compared with what is generated, and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.errors import UsageError
from assay.proof.wholefiles import read_file, replace_file
from assay.schema.models.generate import Source
from assay.schema.models.regions import find_region, refusal_of, whole_file

State = Literal["new", "changed", "unchanged", "gone"]


@dataclass(frozen=True, slots=True)
class Change:
    """A file of models, as it is to be."""

    path: Path
    state: State
    text: str = ""


def plan_files(target: Path, sources: Iterable[Source], *, force: bool = False) -> tuple[Change, ...]:
    """What is to be written into a folder, or into a file where ``target`` is called ``.py``.

    Modules of tables that there are no more are to be removed. Raises UsageError for a file that holds what is not
    generated where it would be lost; ``force`` gives up edits of the generated parts alone.
    """
    sources = list(sources)
    if target.suffix == ".py":
        return (_change(target, sources[0], force=force),)
    changes = [_change(target / source.name, source, force=force) for source in sources]
    return (*changes, *_gone(target, {source.name for source in sources}, force=force))


def write_files(changes: Iterable[Change]) -> None:
    """Write and remove what is to be. Raises UsageError when a file or folder cannot be written."""
    for change in changes:
        try:
            if change.state == "gone":
                change.path.unlink()
            elif change.state != "unchanged":
                change.path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(change.path, change.text.encode(), 0o644)
        except OSError as error:
            raise UsageError(f"{change.path} cannot be written: {error.strerror}") from None


def _change(path: Path, source: Source, *, force: bool) -> Change:
    old = read_file(path)
    region = find_region(old) if old is not None else None
    refusal = refusal_of(str(path), old) if old is not None else None
    if refusal is not None and not (force and region is not None):
        raise refusal
    text = whole_file(source.body, region, source.doc)
    return Change(path, "new" if old is None else "unchanged" if old == text else "changed", text)


def _gone(folder: Path, kept: set[str], *, force: bool) -> Iterator[Change]:
    for path in sorted(folder.glob("*.py")):
        text = read_file(path) if path.name not in kept else None
        region = find_region(text) if text is not None else None
        if region is None:
            continue
        if not region.bare or (region.edited and not force):
            raise UsageError(
                f"{path} is of a table that there is no more, and has code by hand in it; move that elsewhere, and "
                "delete the file"
            )
        yield Change(path, "gone")
