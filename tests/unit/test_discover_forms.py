"""A law: the strings that the check finds for a statement are those that the code runs, whatever its conditions."""

from __future__ import annotations

import ast
import contextlib
import itertools
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.proof.discover.fold import Folder
from assay.proof.discover.model import NotConstant, Sql
from assay.proof.discover.resolve import Project
from assay.proof.discover.source import Source

FLAGS = ("x", "y", "z")
LETTERS = st.sampled_from("abcd")
FOLLOWED_NO_FURTHER = {"for", "try:"}
TESTS = st.sampled_from([*FLAGS, "not x", "x and y", "not (y or z)", "x is True", "z == y"])


def expressions(depth: int) -> st.SearchStrategy[str]:
    """Expressions for strings, made of literals and of q itself."""
    plain = st.one_of(LETTERS.map(repr), st.just("q"), st.just("Q"), LETTERS.map(lambda letter: f"f'{letter}{{q}}'"))
    if depth == 0:
        return plain
    inner = expressions(depth - 1)
    return st.one_of(
        plain,
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} + {pair[1]})"),
        st.tuples(inner, TESTS, inner).map(lambda three: f"({three[0]} if {three[1]} else {three[2]})"),
        inner.map(lambda text: f"{text}.strip('a')"),
        inner.map(lambda text: f"'{{}}-{{}}'.format({text}, Q)"),
        inner.map(lambda text: f"'%s!' % {text}"),
    )


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def blocks(depth: int) -> st.SearchStrategy[list[str]]:
    """Statements that give q values, some of them under conditions, and that run it."""
    simple = st.one_of(
        expressions(1).map(lambda text: [f"q = {text}"]),
        expressions(1).map(lambda text: [f"q += {text}"]),
        st.just(["db.execute(q)"]),
        st.sampled_from(FLAGS).map(lambda flag: [f"{flag} = not {flag}"]),
    )
    if depth == 0:
        return simple
    body = st.lists(blocks(depth - 1), min_size=2, max_size=4).map(
        lambda parts: [line for part in parts for line in part]
    )
    leaving = st.tuples(body, st.booleans()).map(lambda pair: [*pair[0], *(["return"] if pair[1] else [])])
    return st.one_of(
        st.tuples(TESTS, leaving).map(lambda two: [f"if {two[0]}:", *indented(two[1])]),
        st.tuples(TESTS, leaving, leaving).map(
            lambda three: [f"if {three[0]}:", *indented(three[1]), "else:", *indented(three[2])]
        ),
        body.map(lambda lines: ["with nothing():", *indented(lines)]),
        body.map(lambda lines: ["try:", *indented(lines), "except ValueError:", "    raise"]),
        st.tuples(body, body).map(
            lambda two: [
                "match x:",
                "    case True:",
                *indented(indented(two[0])),
                "    case _:",
                *indented(indented(two[1])),
            ]
        ),
        body.map(lambda lines: ["for turn in range(2):", *indented(lines)]),
    )


PROGRAMS = st.lists(blocks(2), min_size=2, max_size=4).map(lambda parts: [line for part in parts for line in part])


class Recorder:
    """Notes what is run, by the line of the call."""

    def __init__(self) -> None:
        self.run: set[tuple[int, str]] = set()

    def execute(self, sql: str) -> None:
        self.run.add((sys._getframe(1).f_lineno, sql))


def run(code: str) -> set[tuple[int, str]]:
    """What the function runs under all conditions, by the line of the call."""
    names: dict[str, Any] = {"nothing": contextlib.nullcontext}
    exec(compile(code, "m.py", "exec"), names)
    recorder = Recorder()
    for flags in itertools.product((True, False), repeat=len(FLAGS)):
        names["f"](recorder, *flags)
    return recorder.run


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(PROGRAMS)
def test_the_forms_of_a_statement_are_the_strings_that_run(tmp_path_factory: Any, program: list[str]) -> None:
    lines = ["Q = 'Q'", f"def f(db, {', '.join(FLAGS)}):", "    q = 'q'", *indented(program), "    db.execute(q)"]
    code = "\n".join(lines) + "\n"
    path = Path(tmp_path_factory.getbasetemp()) / "m.py"
    path.write_text(code)
    project = Project(path.parent, [path])
    source = project.read(path)
    assert isinstance(source, Source)
    ran = run(code)
    for call, scope in source.found.calls:
        assert isinstance(call.func, ast.Attribute)
        if call.func.attr != "execute":
            continue
        forms = Folder(project).forms(call.args[0], source, scope)
        found = {form.sql.text for form in forms if isinstance(form.sql, Sql)}
        real = {sql for line, sql in ran if line == call.lineno}
        whys = [form.sql.why for form in forms if isinstance(form.sql, NotConstant)]
        if all("has no value here" in why for why in whys):  # on ways that the code never takes
            assert real <= found, (code, call.lineno, real - found)
        elif real and not FOLLOWED_NO_FURTHER & set(code.split()):
            assert all("more than" in why for why in whys), (code, call.lineno, whys)
