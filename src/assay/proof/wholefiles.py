"""Files that are read as a whole, and written so that they are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from assay.errors import UsageError


def read_file(path: Path) -> str | None:
    """The text of a file; None when there is none. Raises UsageError when it cannot be read as UTF-8."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as UTF-8 text: {error}") from None


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
