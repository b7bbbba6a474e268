"""The names that models have in Python, and the parts of their files that are generated."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ConfigurationError
from assay.schema.models.layout import bracketed, docstring, escaped
from assay.schema.models.names import class_name, identifier, module_name, singular, unlike
from assay.schema.models.regions import BEGIN, find_region, refusal_of, whole_file
from assay.schema.models.settings import Payload, model_settings

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=63)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("devices", "device"), ("verification_logs", "verification_log"), ("categories", "category"),
        ("statuses", "status"), ("addresses", "address"), ("boxes", "box"), ("batches", "batch"),
        ("caches", "cache"), ("series", "series"), ("status", "status"), ("people", "person"),
        ("user_data", "user_data"), ("analyses", "analysis"), ("houses", "house"), ("s", "s"),
    ],
)  # fmt: skip
def test_one_row_is_named_after_a_table_of_many(many: str, one: str) -> None:
    assert singular(many) == one


@given(TEXTS)
def test_any_column_has_a_name_that_a_field_can_have(name: str) -> None:
    made = identifier(name)
    assert made.isidentifier()
    assert not keyword.iskeyword(made)
    assert not made.startswith("__")


@given(TEXTS)
def test_any_table_has_a_module_that_every_file_system_takes(name: str) -> None:
    made = module_name(name)
    assert made.isidentifier()
    assert made.isascii()
    assert made == made.lower()
    assert class_name(name).isidentifier()


def test_names_that_clash_are_numbered() -> None:
    assert unlike("a", {"a", "a_2"}) == "a_3"
    assert unlike("b", {"a"}) == "b"


@given(TEXTS)
def test_any_piece_of_sql_survives_a_literal_of_python(text: str) -> None:
    written = escaped(text)
    assert "\n" not in written
    assert eval(f'"""{written} """') == f"{text} "


@given(TEXTS, TEXTS)
def test_any_comment_is_a_docstring_that_ends_where_it_should(text: str, more: str) -> None:
    lines = docstring(text, more)
    made = compile("def f():\n" + "\n".join([*lines, "    pass"]), "f", "exec")
    assert made is not None
    assert all(line.startswith("    ") or not line for line in lines)


def test_what_does_not_fit_has_a_line_for_each_part() -> None:
    assert bracketed("f(", ["a", "b"], ")") == ["f(a, b)"]
    assert bracketed("f(", ["a" * 50, "b" * 50], ")") == ["f(", f"    {'a' * 50},", f"    {'b' * 50},", ")"]


def test_a_file_keeps_what_is_around_its_generated_part() -> None:
    text = whole_file("x = 1\n", None, "The rows.")
    assert text.startswith(f'"""The rows."""\n\n{BEGIN}\nx = 1\n')
    changed = text.replace('"""The rows."""', '"""Mine."""') + "\n\ny = 2\n"
    region = find_region(changed)
    assert region is not None
    assert not region.edited
    again = whole_file("x = 3\n", region, "The rows.")
    assert again.startswith('"""Mine."""\n')
    assert again.endswith("\n\n\ny = 2\n")
    assert "x = 3" in again
    assert "x = 1" not in again


def test_the_same_body_gives_the_same_bytes() -> None:
    text = whole_file("x = 1\n", None, "The rows.")
    assert whole_file("x = 1\n", find_region(text), "Other words.") == text


def test_an_edit_inside_is_noticed_and_refused() -> None:
    text = whole_file("x = 1\n", None, "The rows.").replace("x = 1", "x = 2")
    region = find_region(text)
    assert region is not None
    assert region.edited
    assert "changed by hand between its two marks" in str(refusal_of("a.py", text))


def test_lines_of_windows_are_no_edit() -> None:
    region = find_region(whole_file("x = 1\n", None, "The rows.").replace("\n", "\r\n"))
    assert region is not None
    assert not region.edited


def test_a_file_of_somebody_else_is_refused_and_an_empty_one_is_not() -> None:
    assert "was not written by assay schema models" in str(refusal_of("a.py", "x = 1\n"))
    assert refusal_of("a.py", "\n") is None
    assert refusal_of("a.py", f"import x\n{BEGIN}\n# assay: end of what is generated\n") is None


def test_payloads_are_named_by_columns_with_dots_or_tables() -> None:
    evidence = Payload("app.payloads", "Evidence")
    quoted = model_settings({"captures.evidence": "app.payloads:Evidence", "crud": True})
    nested = model_settings({"captures": {"evidence": "app.payloads:Evidence"}, "style": "struct"})
    assert quoted.payloads == nested.payloads == {("captures", "evidence"): evidence}
    assert (quoted.crud, quoted.style, nested.style) == (True, "dataclass", "struct")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"outptu": "x"}, "has no setting 'outptu'"),
        ({"style": "attrs"}, "style is 'attrs'"),
        ({"crud": 1}, "crud must be true or false"),
        ({"output": ""}, "output must be the path"),
        ({"a.b": "app.payloads"}, '"a.b" must name a class as "package.module:Class"'),
        ({"a.b": "app.class:X"}, "must name a class"),
        ({"a.b": 3}, "must name a class"),
        ({"a.b.c.d": "x:Y"}, "has no setting"),
    ],
)
def test_other_settings_are_refused(table: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"tool\.assay\.models") as caught:
        model_settings(table)
    assert words in str(caught.value)
