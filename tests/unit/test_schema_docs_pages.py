"""The site's text: what is escaped, what SQL looks like, and the folder that it is in."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UsageError
from assay.schema.docs.folder import LIST, check_folder, is_current, write_folder
from assay.schema.docs.markup import Html, joined, tag
from assay.schema.docs.sqltext import sql_block, sql_words

FILES = {"index.html": b"<p>one</p>", "assets/site.css": b"a{}"}


class Reader(HTMLParser):
    """The text and the elements that a browser would see."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@given(st.text(), st.text())
def test_any_text_is_text_and_any_attribute_one_attribute(text: str, attribute: str) -> None:
    read = Reader(tag("p", text, title=attribute))
    ((name, attributes),) = read.tags
    assert (name, list(attributes)) == ("p", ["title"])
    assert "<" not in tag("p", text, title=attribute)[2:-4].replace("</", "").partition(">")[2]
    plain = [one for one in text if one.isprintable()]
    assert [one for one in read.text if one.isprintable() and one != "\N{REPLACEMENT CHARACTER}"] == [
        one for one in plain if one != "\N{REPLACEMENT CHARACTER}"
    ]


def test_elements_are_not_escaped_again_and_texts_made_of_them_are() -> None:
    assert tag("p", tag("b", "<i>")) == "<p><b>&lt;i&gt;</b></p>"
    assert joined([tag("b", "x"), None, ["y", "<"]]) == "<b>x</b>y&lt;"
    assert tag("p", tag("b", "x") + "<script>") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;script&gt;</p>"
    assert isinstance(tag("p"), Html)


def test_attributes_have_their_names_and_can_be_left_out() -> None:
    made = tag("a", "x", class_="c", data_table="t", hidden=True, title=None, open=False)
    assert made == '<a class="c" data-table="t" hidden>x</a>'


def test_characters_that_turn_text_around_are_replaced() -> None:
    assert tag("p", "a\u202eb\u2066c\x00") == "<p>a\ufffdb\ufffdc\ufffd</p>"


@given(st.text())
def test_coloured_sql_is_the_same_sql(text: str) -> None:
    assert joined(sql_words(text)) == joined(*sql_words(text))
    plain = "".join(one for one in Reader(joined(sql_words(text))).text if one.isprintable() and one != "\ufffd")
    assert plain == "".join(one for one in text if one.isprintable() and one != "\ufffd")


def test_words_strings_and_parameters_have_their_colours() -> None:
    block = sql_block("\n        select a, 'b' -- c\n        from t where x = $1 and y = :z\n        ")
    assert block == (
        '<pre class="sql"><code><span class="s-keyword">select</span> a, <span class="s-string">&#x27;b&#x27;</span> '
        '<span class="s-comment">-- c</span>\n<span class="s-keyword">from</span> t <span class="s-keyword">where</span> x = '
        '<span class="s-parameter">$1</span> <span class="s-keyword">and</span> y = :z</code></pre>'
    )


def test_a_site_is_written_and_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_folder(folder, FILES)
    assert is_current(folder, FILES)
    assert (folder / "assets" / "site.css").read_bytes() == b"a{}"
    newer = {"index.html": b"<p>two</p>"}
    assert not is_current(folder, newer)
    write_folder(folder, newer)
    assert is_current(folder, newer)
    assert sorted(path.name for path in folder.rglob("*")) == [LIST, "index.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"], "nothing is left beside it"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    write_folder(tmp_path / "a" / "site", FILES)
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", FILES)
    assert is_current(tmp_path / "empty", FILES)


def refusal(folder: Path) -> str:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(UsageError) as caught:
        write_folder(folder, FILES)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return str(caught.value)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "holds files that assay schema docs did not write" in refusal(tmp_path)


def test_files_added_or_changed_by_hand_are_not_lost(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_folder(folder, FILES)
    (folder / "CNAME").write_text("docs.example")
    assert "CNAME was not written by assay schema docs" in refusal(folder)
    (folder / "CNAME").unlink()
    (folder / "index.html").write_text("mine")
    assert "index.html was changed by hand" in refusal(folder)


def test_a_list_that_is_none_is_no_permission(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", json.dumps({"files": None})):
        (tmp_path / LIST).write_text(text)
        (tmp_path / "x").write_text("")
        with pytest.raises(UsageError):
            check_folder(tmp_path)


def test_a_file_or_link_in_the_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        check_folder(tmp_path / "file")
    write_folder(tmp_path / "site", FILES)
    (tmp_path / "link").symlink_to(tmp_path / "site")
    with pytest.raises(UsageError, match="is not a folder"):
        write_folder(tmp_path / "link", FILES)
    (tmp_path / "site" / "index.html").unlink()
    (tmp_path / "site" / "index.html").symlink_to(tmp_path / "file")
    with pytest.raises(UsageError, match="changed by hand"):
        check_folder(tmp_path / "site")


def test_a_swap_that_fails_leaves_the_old_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "site"
    write_folder(folder, FILES)
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(UsageError, match="cannot be written: Permission denied"):
        write_folder(folder, {"index.html": b"new"})
    assert is_current(folder, FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
