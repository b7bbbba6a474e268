"""SQL kept in files of its own."""

from __future__ import annotations

import codecs
import sys
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, cast

from assay.errors import UsageError


def sql_file(path: LiteralString, /) -> LiteralString:
    """The text of a file with SQL, as if it were a literal where the call stands.

    Args:
        path: where the file is, seen from the folder of the Python file that calls this; ``"queries/by_key.sql"``.

    A file is read once, in UTF-8, its lines ending in ``\\n``. ``assay check`` reads it too, and its findings point
    into it. Raises UsageError for a file that is missing, cannot be opened, is not UTF-8 or begins with a byte order
    mark.
    """
    caller = sys._getframe(1).f_code.co_filename  # noqa: SLF001 - the documented way to the caller, and quick
    text: LiteralString = cast("Any", _read_once(Path(caller).parent.joinpath(path).resolve()))
    return text


def read_sql_file(path: Path) -> str:
    """The text of a file with SQL; raises UsageError, saying what is wrong with the file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}; paths are seen from the folder of the calling file") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if data.startswith(codecs.BOM_UTF8):
        raise UsageError(f"{path} begins with a byte order mark, which is no SQL; save it as UTF-8 without one")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path} is not UTF-8 (line {line}); save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


_read_once = cache(read_sql_file)
