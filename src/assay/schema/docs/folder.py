"""The site's folder: put in the place of an older one in one step, and never in that of anything else."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from assay.errors import UsageError

LIST = ".assay-docs.json"
"""The file that says which files of a folder the command wrote, with their checksums."""


def is_current(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a folder holds these files as they are. Raises UsageError for one that is not the command's own."""
    check_folder(folder)
    if not folder.is_dir():
        return False
    there = {str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()} - {LIST}
    return there == files.keys() and all((folder / name).read_bytes() == content for name, content in files.items())


def check_folder(folder: Path) -> None:
    """Raise UsageError for a folder that the command did not write, or that has been changed since."""
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(f"{folder} is not a folder, so the site cannot be written there; choose another --output")
    there = [path for path in sorted(folder.rglob("*")) if not path.is_dir() or path.is_symlink()]
    if not there:
        return
    try:
        known = dict(json.loads((folder / LIST).read_bytes())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(
            f"{folder} holds files that assay schema docs did not write; choose an empty --output, or delete them"
        ) from None
    for path in there:
        name = path.relative_to(folder).as_posix()
        if name == LIST:
            continue
        if name not in known:
            raise UsageError(f"{path} was not written by assay schema docs, and would be lost; move it elsewhere")
        if path.is_symlink() or sha256(path.read_bytes()).hexdigest() != known[name]:
            raise UsageError(f"{path} was changed by hand, and that would be lost; delete it, or restore it")


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files beside the folder and put them in its place.

    Raises UsageError when they cannot be written, or when the folder is not the command's own; then it is as it was.
    """
    check_folder(folder)
    part: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
        _fill(part, files)
        _swap(part, folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _fill(part: Path, files: Mapping[str, bytes]) -> None:
    known = {name: sha256(content).hexdigest() for name, content in sorted(files.items())}
    listed = json.dumps({"written_by": "assay schema docs", "files": known}, indent=1) + "\n"
    for name, content in {**files, LIST: listed.encode()}.items():
        path = part / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    part.chmod(0o777 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _swap(part: Path, folder: Path) -> None:
    """Put one folder in the place of another, which is put back when that fails."""
    if not folder.exists():
        part.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
    try:
        folder.rename(old / "site")
        try:
            part.rename(folder)
        except BaseException:
            (old / "site").rename(folder)
            raise
    finally:
        with suppress(OSError):
            shutil.rmtree(old)
