"""Comments that silence findings: which they are for, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.proof.description import Description, RowBound
from assay.proof.discover import discover
from assay.proof.discover.model import Place
from assay.proof.findings import Finding, finding
from assay.proof.ignore import Silenced, in_source, in_statements, silence
from assay.proof.report import finding_lines
from assay.proof.verdict import Verdict, read_query
from assay.proof.verdict.query import Query

HEAD = "import assay\nasync def f(db: assay.Executor):\n"
CALL = Place("m.py", 3, 5)


def silenced(folder: Path, body: str, *findings: Finding, judged: bool = True) -> Silenced:
    """Silence findings of a module, whose body begins in line 3."""
    (folder / "m.py").write_text(HEAD + body)
    discovery = discover(folder, [folder])
    queries = [query for call in discovery.calls if isinstance(query := read_query(call), Query)]
    source = discovery.project.module("m")
    assert source is not None
    answer = Description(RowBound.MANY, (), ()) if judged else None
    verdicts = [Verdict(query.call, query.sql.text, answer, ()) for query in queries]
    return silence(findings, [*in_source(source), *in_statements(queries)], verdicts)


def at(line: int, code: str = "ASY203", call: Place | None = CALL) -> Finding:
    return finding(code, Place("m.py", line, 9), "something", call=call)


def told(found: Silenced) -> list[str]:
    return ["\n".join(finding_lines(each)) for each in found.findings]


BODIES = {
    "on the line of the finding": "    db.fetch_all(int, 'select 1',\n        x)  # assay: ignore[ASY203]\n",
    "on the line of the call": "    db.fetch_all(int, 'select 1',  # assay: ignore[ASY203]\n        x)\n",
    "several rules": "    db.fetch_all(int, 'select 1',  # assay: ignore[ASY203]\n        x)\n",
    "after another comment": "    db.fetch_all(int, 'select 1',  # noqa  # assay: ignore[ASY203]\n        x)\n",
    "written closely": "    db.fetch_all(int, 'select 1',  #assay:ignore[ASY203]\n        x)\n",
    "in the statement": "    db.fetch_all(int, 'select 1 -- assay: ignore[ASY203]',\n        x)\n",
    "in a block of the statement": "    db.fetch_all(int, 'select /* assay: ignore[ASY203] */ 1',\n        x)\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_comment_silences(tmp_path: Path, body: str) -> None:
    assert silenced(tmp_path, body, at(4)) == Silenced((), 1)


@pytest.mark.parametrize("between", ["", "    # why\n    # more\n"])
def test_a_comment_alone_is_for_the_next_line(tmp_path: Path, between: str) -> None:
    body = f"    # assay: ignore[ASY203]\n{between}    db.fetch_all(int, 'select 1')\n"
    line = 4 + between.count("\n")
    assert silenced(tmp_path, body, at(line, call=Place("m.py", line, 5))) == Silenced((), 1)


def test_a_comment_is_not_for_the_line_after_its_own(tmp_path: Path) -> None:
    body = "    x = 1  # assay: ignore[ASY203]\n    db.fetch_all(int, 'select 1')\n"
    found = silenced(tmp_path, body, at(4, call=Place("m.py", 4, 5)))
    assert [each.rule.code for each in found.findings] == ["ASY203", "ASY912"]


def test_other_rules_are_not_silenced(tmp_path: Path) -> None:
    body = "    db.fetch_all(int, 'select 1')  # assay: ignore[ASY203, ASY401]\n"
    found = silenced(tmp_path, body, at(3), at(3, "ASY204"), at(3, "ASY401"))
    assert ([each.rule.code for each in found.findings], found.ignored) == (["ASY204"], 2)


def test_what_looks_like_a_comment_in_a_string_is_none(tmp_path: Path) -> None:
    body = "    db.fetch_all(int, '''select 1''', '# assay: ignore[ASY203]')\n"
    assert silenced(tmp_path, body, at(3)) == Silenced((at(3),), 0)


def test_what_looks_like_a_comment_in_a_literal_of_the_statement_is_none(tmp_path: Path) -> None:
    body = "    db.fetch_all(int, \"select '-- assay: ignore[ASY203]'\")\n"
    assert silenced(tmp_path, body, at(3)) == Silenced((at(3),), 0)


def test_a_comment_in_a_statement_is_for_all_its_calls(tmp_path: Path) -> None:
    body = "    sql = 'delete from t -- assay: ignore[ASY501]'\n    db.execute(sql)\n    db.execute(sql)\n"
    calls = [Place("m.py", 4, 5), Place("m.py", 5, 5)]
    found = [finding("ASY501", Place("m.py", 3, 12), "every row", call=call) for call in calls]
    assert silenced(tmp_path, body, *found) == Silenced((), 2)


def test_a_comment_without_rules_silences_nothing_and_says_what_is_there(tmp_path: Path) -> None:
    body = "    db.fetch_all(int, 'select 1')  # assay: ignore\n"
    assert told(silenced(tmp_path, body, at(3), at(3, "ASY401")))[2] == (
        "m.py:3:36 ASY911 warning: an ignore without rules ignores nothing\n"
        "  because it would hide findings that nobody has looked at\n"
        "  fix: name them: assay: ignore[ASY203, ASY401]"
    )


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("ASY-203", "write ASY203, or take it out; assay explain lists the rules"),
        ("asy203", "write ASY203, or take it out; assay explain lists the rules"),
        ("everything", "take it out"),
    ],
)
def test_a_rule_that_there_is_not_is_told(tmp_path: Path, written: str, advice: str) -> None:
    body = f"    db.fetch_all(int, 'select 1')  # assay: ignore[ASY203,{written}]\n"
    assert told(silenced(tmp_path, body, at(3))) == [
        f'm.py:3:36 ASY911 warning: there is no rule "{written}" to ignore\n  fix: {advice}'
    ]


def test_what_silences_nothing_is_told_rule_by_rule(tmp_path: Path) -> None:
    body = "    db.fetch_all(int, 'select 1')  # assay: ignore[ASY203, ASY401]\n"
    assert told(silenced(tmp_path, body, at(3))) == [
        (
            "m.py:3:36 ASY912 warning: there is no ASY401 to ignore\n"
            "  because line 3 has no such finding\n"
            "  fix: take ASY401 out of it"
        )
    ]


def test_an_unused_comment_in_a_statement_is_told_where_it_stands(tmp_path: Path) -> None:
    body = "    db.execute('''select 1\n  -- assay: ignore[ASY501]''')\n"
    assert told(silenced(tmp_path, body)) == [
        (
            "m.py:4:3 ASY912 warning: there is no ASY501 to ignore\n"
            "  because the statement has no such finding\n"
            "  fix: remove the comment"
        )
    ]


def test_a_file_without_queries_is_looked_at_too(tmp_path: Path) -> None:
    assert [each.rule.code for each in silenced(tmp_path, "    x = 1  # assay: ignore[ASY203]\n").findings] == [
        "ASY912"
    ]


def test_unused_comments_are_not_told_where_calls_could_not_be_judged(tmp_path: Path) -> None:
    body = "    db.fetch_all(int, 'select 1')  # assay: ignore[ASY203]\n"
    assert silenced(tmp_path, body, judged=False) == Silenced((), 0)
