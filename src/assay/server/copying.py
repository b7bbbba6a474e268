"""PostgreSQL's programs, put where the server's account can run them.

A virtual environment under ``/root`` is closed to every other account. Its modes are not ours to change, so the
programs are linked, or else copied, into the server's own place: once for each release that is installed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from hashlib import sha256
from pathlib import Path

from assay.errors import ServerError
from assay.server.account import can_run
from assay.server.binaries import Programs
from assay.server.layout import Layout, make_folder


def runnable(programs: Programs, layout: Layout) -> Programs:
    """The programs themselves where the account can run them, else a copy that it can.

    Raises ServerError when they work only where they are, and the account cannot get there.
    """
    if can_run(layout.account, programs.path("postgres")):
        return programs
    if not programs.parts:
        name = layout.account.name if layout.account else ""
        raise ServerError(
            f"PostgreSQL runs as the account {name}, which cannot reach the programs in {programs.folder}; "
            "install them for everybody, or run Assay as another user than root"
        )
    copies = layout.place / "programs"
    target = copies / _key(programs)
    if not target.is_dir():
        make_folder(copies, layout.account)
        _copy(programs, target)
    return Programs(target / programs.folder.relative_to(programs.parts[0].parent), programs.major, programs.parts)


def _key(programs: Programs) -> str:
    """Tells one release in one place from another, which may be installed over it."""
    status = programs.path("postgres").stat()
    words = f"{programs.folder}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"
    return f"{programs.major}-{sha256(words.encode()).hexdigest()[:16]}"


def _copy(programs: Programs, target: Path) -> None:
    """Copy under another name, then rename: a copy that was interrupted is never used."""
    for left in target.parent.iterdir():
        shutil.rmtree(
            left, ignore_errors=True
        )  # of an interrupted copy, or of a release that is not installed any more
    new = target.with_name(f"new-{secrets.token_hex(4)}")
    new.mkdir()
    new.chmod(0o711)
    for part in programs.parts:
        shutil.copytree(part, new / part.name, symlinks=True, copy_function=_link_or_copy, ignore=_not_needed)
    for folder, _, _ in os.walk(new):
        Path(folder).chmod(0o755)
    new.rename(target)


def _not_needed(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("__pycache__", "include") or name.endswith((".py", ".a"))]


def _link_or_copy(source: str, target: str) -> str:
    mode = Path(source).stat().st_mode
    if mode & stat.S_IROTH and mode & stat.S_IXUSR == (mode & stat.S_IXOTH) << 6:
        try:
            os.link(source, target)
        except OSError:
            pass  # on another disk, or not allowed
        else:
            return target
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if mode & stat.S_IXUSR else 0o644)
    return target
