"""Edits of whole files: what is not edited stays as it is, byte for byte."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from tests.fixtures.fixing import check_by_hand, column, described, fix_by_hand

from assay.errors import ConfigurationError, ProofError
from assay.proof.fix.changes import AddField, FileEdit, Import, RemoveField, Replace, Span
from assay.proof.fix.edit import edited
from assay.proof.fix.files import diff_lines, edit_files, require_libcst, write_files

MODULE = """\
# {}
from dataclasses import dataclass
import assay
@dataclass
class Row:
    id: int  # é
async def f(db: assay.Executor) -> None:
    await db.fetch_all(Row, 'q')
"""
ANSWERS = {"q": described(column("id", "uuid", null=True))}


def after(text: str) -> str:
    text = text.replace("id: int", "id: UUID | None")
    return text.replace("import dataclass\n", "import dataclass\nfrom uuid import UUID\n")


@pytest.mark.parametrize(
    ("encoding", "cookie"),
    [
        ("utf-8", "plain"),
        ("utf-8-sig", "with a mark"),
        ("latin-1", "-*- coding: latin-1 -*-"),
        ("cp1252", "coding=cp1252"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encoding_and_line_ends_are_kept(tmp_path: Path, encoding: str, cookie: str, newline: str) -> None:
    text = MODULE.format(cookie)
    path = tmp_path / "module.py"
    path.write_bytes(text.replace("\n", newline).encode(encoding))
    fix_by_hand(tmp_path, ANSWERS)
    assert path.read_bytes() == after(text).replace("\n", newline).encode(encoding)


def test_mixed_line_ends_stay_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_bytes(MODULE.format("mixed").replace("\n", "\r\n", 3).encode())
    fix_by_hand(tmp_path, ANSWERS)
    assert path.read_bytes().count(b"\r\n") == 4
    assert path.read_bytes().replace(b"\r\n", b"\n").decode() == after(MODULE.format("mixed"))


def test_a_file_without_a_last_line_end_gets_none(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(MODULE.format("x").rstrip("\n"))
    fix_by_hand(tmp_path, ANSWERS)
    assert path.read_text() == after(MODULE.format("x")).rstrip("\n")


def test_tabs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    text = MODULE.format("x").replace("    ", "\t")
    path.write_text(text)
    answers = {"q": described(column("id", "int4"), column("name", "text"))}
    fix_by_hand(tmp_path, answers)
    assert path.read_text() == text.replace("# é\n", "# é\n\tname: str\n")


def test_the_mode_is_kept_and_links_are_followed(tmp_path: Path) -> None:
    real = tmp_path / "real.py"
    real.write_text(MODULE.format("x"))
    real.chmod(0o640)
    (tmp_path / "module.py").symlink_to(real)
    fix_by_hand(tmp_path, ANSWERS)
    assert (tmp_path / "module.py").is_symlink()
    assert real.read_text() == after(MODULE.format("x"))
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["module.py", "real.py"]


def test_a_file_that_changed_meanwhile_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(MODULE.format("x"))
    plan = check_by_hand(tmp_path, ANSWERS).plan
    path.write_text(MODULE.format("y"))
    with pytest.raises(ProofError, match=r"module\.py was changed while it was checked; run the check again"):
        edit_files(plan.changes)
    assert path.read_text() == MODULE.format("y")


def test_a_character_that_the_encoding_lacks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    edit = FileEdit(path, "module.py", "latin-1", "x", "漢")
    with pytest.raises(ProofError, match=r"module\.py cannot be written: latin-1 has no '漢'"):
        write_files([edit])
    assert not path.exists()


def test_nothing_is_written_when_a_file_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "a.py", tmp_path / "b.py"]
    for path in paths:
        path.write_text("x")
    monkeypatch.setattr(os, "access", lambda path, mode: path != paths[1])  # for root, every file can be written
    with pytest.raises(ProofError, match=r"b\.py cannot be written: it is read-only; no file was changed"):
        write_files([FileEdit(path, path.name, "utf-8", "x", "y") for path in paths])
    assert paths[0].read_text() == "x"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    edit = FileEdit(tmp_path / "gone" / "module.py", "gone/module.py", "utf-8", "x", "y")
    with pytest.raises(ProofError, match=r"gone/module\.py cannot be written: No such file or directory"):
        write_files([edit])


def test_a_diff_is_one_that_patch_takes() -> None:
    edit = FileEdit(Path("m.py"), "src/m.py", "utf-8", "a\nb\r\nc", "a\nB\r\nc")
    assert "".join(diff_lines([edit])) == (
        "--- a/src/m.py\n+++ b/src/m.py\n@@ -1,3 +1,3 @@\n a\n-b\r\n+B\r\n c\n\\ No newline at end of file\n"
    )


def test_without_libcst_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(ConfigurationError, match=r"needs libcst, which is not installed; pip install 'assay\[dev\]'"):
        require_libcst()


IMPORTS = [
    ("x = 1\n", "from uuid import UUID\n\nx = 1\n"),
    ('"""Doc."""\nx = 1\n', '"""Doc."""\n\nfrom uuid import UUID\n\nx = 1\n'),
    ("import os\nimport assay\n", "import os\nfrom uuid import UUID\nimport assay\n"),
    ("import os\n\nimport assay\n", "import os\nfrom uuid import UUID\n\nimport assay\n"),
    ("import assay\n", "from uuid import UUID\n\nimport assay\n"),
    ("from .x import y\n", "from uuid import UUID\n\nfrom .x import y\n"),
    (
        "from __future__ import annotations\n\nx = 1\n",
        "from __future__ import annotations\n\nfrom uuid import UUID\n\nx = 1\n",
    ),
    ("import os\nx = 1\nimport zlib\n", "import os\nfrom uuid import UUID\nx = 1\nimport zlib\n"),
    ("from uuid import uuid4\n", "from uuid import UUID, uuid4\n"),
    (
        "from uuid import (\n    NAMESPACE_DNS,\n    uuid4,\n)\n",
        "from uuid import (\n    NAMESPACE_DNS,\n    UUID,\n    uuid4,\n)\n",
    ),
    ("from uuid import SafeUUID  # safe\n", "from uuid import UUID, SafeUUID  # safe\n"),
    ("from uuid import *\n", "from uuid import *\nfrom uuid import UUID\n"),
]


@pytest.mark.parametrize(("before", "wanted"), IMPORTS)
def test_an_import_goes_where_sorters_have_it(before: str, wanted: str) -> None:
    edit = Replace(Span(1, 0, 1, 0), "", frozenset({Import("uuid", "UUID")}))
    with pytest.raises(ProofError, match="not the file that was checked"):
        edited(before, [edit], "m.py")
    last = before.count("\n") + 1
    edit = Replace(Span(last, 0, last, 1), "z", edit.imports)
    assert edited(f"{before}y\n", [edit], "m.py").removesuffix("z\n") == wanted


def test_a_package_is_imported_in_a_section_of_its_own() -> None:
    edit = Replace(Span(2, 0, 2, 1), "z", frozenset({Import("asyncpg")}))
    assert edited("import os\ny\n", [edit], "m.py") == "import os\n\nimport asyncpg\n\nz\n"


def test_classes_in_functions_are_not_those_of_the_module() -> None:
    text = "def f():\n    class Row:\n        id: int\nclass Row:\n    id: int\n"
    removed = edited(text, [RemoveField("Row", "id")], "m.py")
    assert removed == "def f():\n    class Row:\n        id: int\nclass Row:\n    pass\n"


def test_a_class_inside_another_is_found_by_its_qualified_name() -> None:
    text = "class Row:\n    class Row:\n        id: int\n"
    edit = AddField("Row.Row", "name: str", "id")
    assert edited(text, [edit], "m.py") == f"{text}        name: str\n"


def test_an_edit_that_finds_nothing_is_told() -> None:
    with pytest.raises(ProofError, match=r"m\.py cannot be edited: it is not the file that was checked"):
        edited("class Row:\n    id: int\n", [RemoveField("Row", "name")], "m.py")
