"""Files that are written so that they are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Put a new file in the place of one that may be there, in one step.

    Args:
        path: the file; its folder must be there and writable.
        content: all of it.
        mode: its permission bits, as ``os.chmod`` takes them.
        owner: its user and group, kept where the account may give files to them.

    Raises OSError, and leaves the old file and nothing else, when it cannot be written.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if owner is not None:
            with contextlib.suppress(PermissionError):
                os.chown(part, *owner)
        part.chmod(mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
