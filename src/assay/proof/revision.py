"""The files of another git revision, laid out in a folder of their own; the work tree is not touched.

Blobs are read one by one, not with ``git archive``, which leaves out what ``export-ignore`` says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assay.errors import UsageError

LARGEST = 20_000_000
"""Bytes; what is larger is no code, and is left out."""

_FILE = ("100644", "100755")


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision of the project."""

    commit: str
    """Its full name."""
    root: Path
    """The folder that holds its files, as the project's root does."""

    @property
    def short(self) -> str:
        """The commit as people write it."""
        return self.commit[:10]


@dataclass(frozen=True, slots=True)
class _Blob:
    path: PurePosixPath
    """From the project's root."""
    name: str
    size: int


@contextmanager
def revision(root: Path, ref: str) -> Iterator[Revision]:
    """The project at another revision, for the length of a block.

    Args:
        root: the project's root, in a git work tree.
        ref: a commit, branch or tag, as git understands it.

    Raises UsageError when git is not there, the project is in no repository, or the revision does not exist or does
    not have the project.
    """
    commit = _commit(root, ref)
    prefix = _git(root, "rev-parse", "--show-prefix").strip()
    blobs = _blobs(root, commit, prefix)
    if not blobs:
        raise UsageError(f"Revision {ref} has no files in {root}; name one that has the project")
    folder = Path(tempfile.mkdtemp(prefix="assay-revision-"))
    try:
        _lay_out(root, blobs, folder)
        yield Revision(commit, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _commit(root: Path, ref: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except _Refused as refused:
        if refused.words:
            raise UsageError(f"{root} is in no git repository, so it has no other revision: {refused.words}") from None
        raise UsageError(f"There is no revision {ref!r} in the git repository of {root}; fetch it first") from None


def _blobs(root: Path, commit: str, prefix: str) -> list[_Blob]:
    listed = _git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, *([prefix] if prefix else []))
    blobs = []
    for entry in filter(None, listed.split("\0")):
        facts, _, path = entry.partition("\t")
        mode, _, name, size = facts.split()
        if mode in _FILE and int(size) <= LARGEST:
            blobs.append(_Blob(PurePosixPath(path.removeprefix(prefix)), name, int(size)))
    return blobs


def _lay_out(root: Path, blobs: Iterable[_Blob], folder: Path) -> None:
    """Write files; git refuses trees whose paths lead out of them, and links are not laid out."""
    command = [_program(), "-C", str(root), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()) as process:  # noqa: S603
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
        for blob in blobs:
            process.stdin.write(f"{blob.name}\n".encode())
            process.stdin.flush()
            size = int(process.stdout.readline().split()[-1])
            content = process.stdout.read(size)
            process.stdout.read(1)
            path = folder / blob.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        process.stdin.close()


class _Refused(Exception):
    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - git, with arguments of its own and a revision after --end-of-options
        [_program(), "-C", str(root), *arguments], capture_output=True, env=_environment(), check=False
    )
    if done.returncode != 0:
        raise _Refused(os.fsdecode(done.stderr).strip())
    return os.fsdecode(done.stdout)


def _program() -> str:
    found = shutil.which("git")
    if found is None:
        raise UsageError("git is not on the PATH, and another revision is read through it")
    return found


def _environment() -> dict[str, str]:
    """The process's own, without what would point git elsewhere, in English."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
    }
