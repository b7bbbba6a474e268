"""What is a migration, by its file's name and bytes; SQLx's rules, and what is refused."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import MigrationError
from assay.migrate import Kind, fingerprint, load
from assay.migrate.files import LARGEST_VERSION, FileName, parse_name


def write(folder: Path, **files: str | bytes) -> Path:
    """Files by name; a double underscore stands for the dot that a keyword cannot have."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name.removeprefix("v").replace("__", ".")).write_bytes(data)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(MigrationError) as caught:
        load(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "version", "description", "suffix"),
    [
        ("1_a.sql", 1, "a", ".sql"),
        ("0001_create_devices.sql", 1, "create devices", ".sql"),
        ("20251122000001_create__devices.up.sql", 20251122000001, "create  devices", ".up.sql"),
        ("2_x.down.sql", 2, "x", ".down.sql"),
        ("0_zero.sql", 0, "zero", ".sql"),
        ("3_up.sql", 3, "up", ".sql"),
        ("3_.sql", 3, "", ".sql"),
        ("4_twice.sql.sql", 4, "twice", ".sql"),
        ("4_twice.up.sql.up.sql", 4, "twice", ".up.sql"),
        ("5_a.up.sql.sql", 5, "a.up", ".sql"),
        ("6_größe 名.sql", 6, "größe 名", ".sql"),
        (f"{LARGEST_VERSION}_last.sql", LARGEST_VERSION, "last", ".sql"),
    ],
)
def test_a_name_is_version_and_description(name: str, version: int, description: str, suffix: str) -> None:
    assert parse_name(name) == FileName(version, description, suffix)


@pytest.mark.parametrize("name", ["README.md", "1_a.txt", "1_a.sql~", "1_a.sqlite", "1_a"])
def test_a_file_that_does_not_end_in_sql_is_no_migration(name: str) -> None:
    assert parse_name(name) is None


@pytest.mark.parametrize(
    "name",
    ["init.sql", "_a.sql", "a_1.sql", "-1_a.sql", "+1_a.sql", "1.5_a.sql", " 1_a.sql", "1.sql", "1_a.SQL", "٣_a.sql"],
)
def test_a_name_that_is_no_version_and_description_is_refused(name: str) -> None:
    with pytest.raises(MigrationError, match="must be <version>_<description>"):
        parse_name(name)


@pytest.mark.parametrize("version", [str(LARGEST_VERSION + 1), "9" * 5000])
def test_a_version_beyond_64_bits_is_refused(version: str) -> None:
    with pytest.raises(MigrationError, match="too large"):
        parse_name(f"{version}_a.sql")


_WORD = st.text(st.characters(exclude_characters="_./\0", exclude_categories=["Cs"]))


@given(
    version=st.integers(0, LARGEST_VERSION),
    zeros=st.integers(0, 3),
    words=st.lists(_WORD, min_size=1, max_size=4),
    suffix=st.sampled_from([".sql", ".up.sql", ".down.sql"]),
)
def test_any_name_that_is_put_together_is_taken_apart_again(
    version: int, zeros: int, words: list[str], suffix: str
) -> None:
    name = f"{'0' * zeros}{version}_{'_'.join(words)}{suffix}"
    assert parse_name(name) == FileName(version, " ".join(words), suffix)


@given(st.text(max_size=20))
def test_any_other_name_is_passed_over_or_refused(name: str) -> None:
    try:
        found = parse_name(name + ".sql")
    except MigrationError:
        return
    assert found is not None
    assert 0 <= found.version <= LARGEST_VERSION


def test_migrations_come_by_number_not_by_name(tmp_path: Path) -> None:
    write(tmp_path, v10_b__sql="", v9_a__sql="", v0011_c__sql="")
    assert [migration.version for migration in load(tmp_path)] == [9, 10, 11]


def test_up_and_down_files_are_one_reversible_migration(tmp_path: Path) -> None:
    write(tmp_path, v1_a__up__sql="create table a ();", v1_a__down__sql="drop table a;", v2_b__sql="")
    first, second = load(tmp_path)
    assert (first.kind, first.sql) == (Kind.REVERSIBLE, "create table a ();")
    assert first.down is not None
    assert first.down.sql == "drop table a;"
    assert (second.kind, second.down) == (Kind.SIMPLE, None)


def test_a_down_file_belongs_to_a_simple_file_too(tmp_path: Path) -> None:
    (migration,) = load(write(tmp_path, v1_a__sql="", v1_a__down__sql=""))
    assert migration.kind is Kind.REVERSIBLE


def test_the_checksum_is_the_sha384_of_the_bytes_as_they_are(tmp_path: Path) -> None:
    content = "select 'ü';\r\n".encode()
    (migration,) = load(write(tmp_path, v1_a__sql=content))
    assert migration.checksum == hashlib.sha384(content).digest()
    assert migration.sql == content.decode()


@pytest.mark.parametrize(
    ("text", "opts_out"),
    [
        ("-- no-transaction\nselect 1;", True),
        ("-- no-transaction\r\nselect 1;", True),
        ("-- no-transaction", True),
        ("--no-transaction\nselect 1;", False),
        ("\n-- no-transaction\nselect 1;", False),
        (" -- no-transaction\n", False),
        ("-- No-Transaction\n", False),
    ],
)
def test_only_the_very_first_characters_opt_out_of_the_transaction(tmp_path: Path, text: str, opts_out: bool) -> None:
    (migration,) = load(write(tmp_path, v1_a__sql=text))
    assert migration.no_transaction is opts_out


def test_hidden_files_folders_and_other_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, v1_a__sql="", README__md="", __hidden__sql="")
    (tmp_path / "2_folder").mkdir()
    (tmp_path / "3_gone.txt").symlink_to(tmp_path / "nowhere")
    assert [migration.version for migration in load(tmp_path)] == [1]


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.sql")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_folder, "is a folder with the name of a migration; rename it"),
        (_dangling_link, "is a link to nowhere.sql, and there is no file"),
        (_link_to_itself, "is a link to 2_b.sql, and there is no file"),
        (_pipe, "is no ordinary file"),
    ],
)
def test_what_has_the_name_of_a_migration_and_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    make(write(tmp_path, v1_a__sql="") / "2_b.sql")
    text = refusal(tmp_path)
    assert f"{tmp_path}/2_b.sql" in text
    assert words in text


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("select 1;")
    (tmp_path / "1_a.sql").symlink_to("text")
    assert [migration.sql for migration in load(tmp_path)] == ["select 1;"]


def test_a_file_without_read_permission_is_named() -> None:
    with TemporaryDirectory() as name:  # not tmp_path, which only its owner may enter
        folder = write(Path(name), v1_a__sql="")
        folder.chmod(0o755)
        (folder / "1_a.sql").chmod(0)
        with _as_somebody():
            text = refusal(folder)
    assert text == f"{folder}/1_a.sql cannot be read: Permission denied"


@contextmanager
def _as_somebody() -> Iterator[None]:
    """Root can read everything, so for a while be nobody."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("1_a.sql", "1_A.sql", "/1_A.sql and 1_a.sql"),
        ("1_a.up.sql", "1_A.down.sql", "same version and different descriptions"),
        ("1_a.down.sql", "1_a.UP.sql", "same version and different descriptions"),
        ("1_a.sql", "2_b.SQL", "'2_b.SQL' is not the name of a migration"),
    ],
)
def test_names_that_differ_in_letter_case_are_refused(tmp_path: Path, one: str, other: str, words: str) -> None:
    (tmp_path / one).touch()
    (tmp_path / other).touch()
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system takes the two names for one")
    assert words in refusal(tmp_path)


def test_a_version_that_is_there_twice_names_both_files(tmp_path: Path) -> None:
    text = refusal(write(tmp_path, v1_a__sql="", v01_b__sql=""))
    assert "Version 1 is there twice" in text
    assert "01_b.sql" in text
    assert "1_a.sql" in text


def test_a_simple_and_an_up_file_of_one_version_are_refused(tmp_path: Path) -> None:
    assert "Version 1 is there twice" in refusal(write(tmp_path, v1_a__sql="", v1_a__up__sql=""))


def test_a_down_file_alone_is_refused(tmp_path: Path) -> None:
    assert "1_a.down.sql has no file that it reverts" in refusal(write(tmp_path, v1_a__down__sql=""))


def test_up_and_down_files_of_different_descriptions_are_refused(tmp_path: Path) -> None:
    text = refusal(write(tmp_path, v1_a__up__sql="", v1_b__down__sql=""))
    assert "1_a.up.sql and 1_b.down.sql have the same version and different descriptions" in text


def test_a_byte_order_mark_is_refused(tmp_path: Path) -> None:
    text = refusal(write(tmp_path, v1_a__sql=b"\xef\xbb\xbfselect 1;"))
    assert "1_a.sql begins with a byte order mark" in text


def test_a_nul_character_is_refused_by_line(tmp_path: Path) -> None:
    assert "1_a.sql:2: there is a NUL character" in refusal(write(tmp_path, v1_a__sql=b"select 1;\nselect '\0';"))


def test_utf_16_is_recognised(tmp_path: Path) -> None:
    assert "it looks like UTF-16" in refusal(write(tmp_path, v1_a__sql="\ufeffselect 1;".encode("utf-16-le")))


def test_bytes_that_are_not_utf_8_are_refused_by_line(tmp_path: Path) -> None:
    text = refusal(write(tmp_path, v1_a__sql="select 1;\n-- größe".encode("latin-1")))
    assert "1_a.sql:2: the byte 0xF6 is not valid UTF-8" in text


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert f"There is no folder {tmp_path / 'none'}" in refusal(tmp_path / "none")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be read: Not a directory" in refusal(tmp_path / "file")


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    assert "has no migrations" in refusal(write(tmp_path, README__md=""))


def test_the_fingerprint_changes_with_what_is_built_and_with_nothing_else(tmp_path: Path) -> None:
    def of(**files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        return fingerprint(load(write(folder, **files)))

    base = of(v1_a__sql="create table a ();", v2_b__sql="")
    assert base == of(v01_renamed__up__sql="create table a ();", v01_renamed__down__sql="drop table a;", v2_b__sql="")
    assert base != of(v1_a__sql="create table b ();", v2_b__sql="")
    assert base != of(v1_a__sql="create table a ();", v3_b__sql="")
    assert base != of(v1_a__sql="create table a ();")
    assert len(base) == 64
