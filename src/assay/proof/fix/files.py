"""The files of a plan: read, edited, compared and written, each in one step."""

from __future__ import annotations

import difflib
import io
import os
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from assay.errors import ConfigurationError, ProofError
from assay.proof.discover.source import Source
from assay.proof.fix.changes import Change, Edit, FileEdit
from assay.proof.wholefiles import replace_file


def require_libcst() -> None:
    """Raise ConfigurationError, which says what to install, when libcst is not there."""
    if find_spec("libcst") is None:
        raise ConfigurationError(
            "Editing code needs libcst, which is not installed; pip install 'assay[dev]' brings it"
        )


def edit_files(changes: Iterable[Change]) -> list[FileEdit]:
    """The files of a plan before and after, in the order of their paths; nothing is written.

    Raises ProofError for a file that cannot be read, or that is not as it was when it was checked.
    """
    from assay.proof.fix.edit import edited

    by_source: defaultdict[Source, list[Edit]] = defaultdict(list)
    for change in changes:
        by_source[change.source].append(change.edit)
    edits = []
    for source in sorted(by_source, key=lambda source: source.shown):
        encoding, text = _read(source)
        after = edited(text, by_source[source], source.shown)
        edits.append(FileEdit(source.path, source.shown, encoding, text, after))
    return edits


def _read(source: Source) -> tuple[str, str]:
    """A file's encoding and its text with its own line ends."""
    try:
        data = source.path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise ProofError(f"{source.shown} cannot be read: {error}") from None
    if io.StringIO(text, newline=None).read() != source.text:
        raise ProofError(f"{source.shown} was changed while it was checked; run the check again")
    return encoding, text


def write_files(edits: Iterable[FileEdit]) -> None:
    """Write what changed, each file in one step, with its mode.

    Raises ProofError when one cannot be written; where that can be told beforehand, no file is written.
    """
    contents = [(edit, _encoded(edit)) for edit in edits if edit.after != edit.before]
    for edit, _ in contents:
        if edit.path.exists() and not os.access(edit.path, os.W_OK):
            raise ProofError(f"{edit.shown} cannot be written: it is read-only; no file was changed")
    for edit, content in contents:
        _replace(edit.path, content, edit.shown)


def _encoded(edit: FileEdit) -> bytes:
    try:
        return edit.after.encode(edit.encoding)
    except UnicodeEncodeError as error:
        raise ProofError(
            f"{edit.shown} cannot be written: {edit.encoding} has no {error.object[error.start]!r}"
        ) from None


def _replace(path: Path, content: bytes, shown: str) -> None:
    try:
        status = path.stat()
        replace_file(path, content, status.st_mode & 0o7777, (status.st_uid, status.st_gid))
    except OSError as error:
        raise ProofError(f"{shown} cannot be written: {error.strerror}") from None


def diff_lines(edits: Iterable[FileEdit]) -> Iterator[str]:
    """A unified diff of all files, which patch and git apply take."""
    for edit in edits:
        before, after = _lines(edit.before), _lines(edit.after)
        for line in difflib.unified_diff(before, after, f"a/{edit.shown}", f"b/{edit.shown}"):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
