"""Another revision of a project is laid out whole, and the work tree stays as it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.proof import revision as module
from assay.proof.revision import revision


def git(root: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True, env={**os.environ, **identity}
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "app" / "sub").mkdir(parents=True)
    git(root, "init", "-q")
    (root / ".gitattributes").write_text("app/sub export-ignore\n")
    (root / "app" / "a.py").write_text("old\n")
    (root / "app" / "sub" / "ü b.py").write_bytes(b"x = '\r\n\xc3\xbc'\n")
    (root / "app" / "link.py").symlink_to("/etc/passwd")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    (root / "app" / "a.py").write_text("new\n")
    (root / "app" / "sub" / "ü b.py").unlink()
    return root


def test_the_files_are_those_of_the_revision(repository: Path) -> None:
    with revision(repository / "app", "HEAD") as found:
        assert found.commit == git(repository, "rev-parse", "HEAD")
        assert (found.root / "a.py").read_text() == "old\n"
        assert (found.root / "sub" / "ü b.py").read_bytes() == b"x = '\r\n\xc3\xbc'\n"
        assert sorted(path.name for path in found.root.iterdir()) == ["a.py", "sub"]
    assert not found.root.exists()
    assert (repository / "app" / "a.py").read_text() == "new\n"


def test_the_repository_is_not_changed(repository: Path) -> None:
    def state() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in (repository / ".git").rglob("*"))

    before = state()
    with revision(repository, "HEAD") as found:
        assert (found.root / "app" / "a.py").is_file()
    assert state() == before


def test_files_too_large_to_be_code_are_left_out(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 5)
    with revision(repository / "app", "HEAD") as found:
        assert [path.name for path in found.root.iterdir()] == ["a.py"]


@pytest.mark.parametrize("ref", ["nowhere", "--help", "HEAD~5", ""])
def test_a_revision_that_does_not_exist_is_told(repository: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="There is no revision"), revision(repository, ref):
        pass


def test_a_folder_that_the_revision_lacks_is_told(repository: Path) -> None:
    (repository / "fresh").mkdir()
    with pytest.raises(UsageError, match="Revision HEAD has no files in"), revision(repository / "fresh", "HEAD"):
        pass


def test_a_project_outside_of_git_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is in no git repository"), revision(tmp_path, "HEAD"):
        pass


def test_a_machine_without_git_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="git is not on the PATH"), revision(repository, "HEAD"):
        pass


def test_an_environment_that_points_git_elsewhere_does_not_matter(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    with revision(repository, "HEAD") as found:
        assert (found.root / "app" / "a.py").is_file()
