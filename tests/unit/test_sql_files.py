"""Files of SQL read from beside the code that names them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import assay
from assay.sql.files import read_sql_file


def module(folder: Path, path: str) -> ModuleType:
    """A module in a folder that reads a file of SQL as it is imported."""
    (folder / "queries.py").write_text(f"import assay\nSQL = assay.sql_file({path!r})\n")
    spec = importlib.util.spec_from_file_location("queries_with_a_file", folder / "queries.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_a_file_is_found_from_the_folder_of_its_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "one.sql").write_text("select 1\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert module(tmp_path, "queries/one.sql").SQL == "select 1\n"


def test_a_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("select 1")
    first = module(tmp_path, "one.sql").SQL
    (tmp_path / "one.sql").unlink()
    assert module(tmp_path, "./one.sql").SQL is first


def test_lines_end_as_in_a_literal(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_bytes("select 'é'\r\n, 2\r".encode())
    assert read_sql_file(tmp_path / "one.sql") == "select 'é'\n, 2\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "There is no file {}; paths are seen from the folder of the calling file"),
        (b"\xef\xbb\xbfselect 1", "{} begins with a byte order mark, which is no SQL; save it as UTF-8 without one"),
        (b"select 1,\n '\xe9'", "{} is not UTF-8 (line 2); save it as UTF-8"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, data: bytes | None, words: str) -> None:
    path = tmp_path / "one.sql"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(assay.UsageError) as caught:
        module(tmp_path, "one.sql")
    assert caught.value.message == words.format(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(assay.UsageError, match="cannot be read: Is a directory"):
        read_sql_file(tmp_path)
