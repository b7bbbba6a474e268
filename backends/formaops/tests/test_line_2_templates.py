"""Line 2: templates are rendered with typed variables, and what does not fit is refused before anything is stored."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import pytest
from backends.formaops.models import Variable
from backends.formaops.templates import TemplateError, fill, render, verify
from backends.formaops.tests.conftest import PROMPT, make_prompt
from hypothesis import given
from hypothesis import strategies as st

VARIABLES = [
    Variable("language", required=False, default="typescript", options=["typescript", "python"]),
    Variable("code"),
    Variable("rounds", "number", required=False),
    Variable("strict", "boolean", required=False, default=True),
]


def test_line_2_values_and_defaults_take_their_places() -> None:
    text = render("{{language}}: {{ code }} {{strict}}{{rounds}}", VARIABLES, {"code": "let x = {{y}}"})
    assert text == "typescript: let x = {{y}} true", "what a value holds is not a place"


@pytest.mark.parametrize(
    ("given_", "mistakes"),
    [
        ({}, [("code", "it is required")]),
        ({"code": None}, [("code", "it is required")]),
        ({"code": "x", "language": "cobol"}, [("language", "it is none of typescript, python")]),
        ({"code": "x", "more": 1}, [("more", "there is no such variable")]),
        ({"code": 1}, [("code", "it is not a string")]),
        ({"code": "x", "rounds": "three"}, [("rounds", "it is not a number")]),
        ({"code": "x", "rounds": True}, [("rounds", "it is not a number")]),
        ({"code": "x", "strict": 1}, [("strict", "it is not a boolean")]),
    ],
)
def test_line_2_what_does_not_fit_is_named(given_: dict[str, Any], mistakes: list[tuple[str, str]]) -> None:
    with pytest.raises(TemplateError) as caught:
        fill(VARIABLES, given_)
    assert list(caught.value.mistakes) == mistakes


@pytest.mark.parametrize(
    ("template", "variables", "why"),
    [
        ("{{who}}", [], "who: the template uses it, but it is not declared"),
        ("", [Variable("a"), Variable("a")], "a: it is declared twice"),
        ("", [Variable("a b")], "a b: a variable's name has letters"),
        ("", [Variable("a", "number", default="x")], "a: its default is not a number"),
        ("", [Variable("a", options=["x"], default="y")], "a: its default is none of x"),
        ("", [Variable("a", "number", options=["x"])], "a: option is not a number"),
    ],
)
def test_line_2_a_template_that_could_never_be_rendered_is_refused(
    template: str, variables: list[Variable], why: str
) -> None:
    with pytest.raises(TemplateError, match=why.replace("(", r"\(")):
        verify(template, variables)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(), min_size=1))
def test_line_2_every_value_is_in_the_text_once_where_it_belongs(values: dict[str, str]) -> None:
    template = "".join(f"<{{{{{name}}}}}>" for name in values)
    assert render(template, [Variable(name) for name in values], values) == "".join(f"<{v}>" for v in values.values())


@pytest.mark.parametrize("inputs", [{}, {"code": "x", "language": "cobol"}, {"code": "x", "more": 1}])
async def test_line_2_nothing_is_stored_of_an_execution_that_is_refused(
    client: httpx.AsyncClient, catalog: asyncpg.Connection, inputs: dict[str, Any]
) -> None:
    answer = await client.post(f"{await make_prompt(client)}/executions", json={"inputs": inputs})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", "variables"]
    assert await catalog.fetchval("select count(*) from executions") == 0


async def test_line_2_an_execution_keeps_the_values_it_will_run_with(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{await make_prompt(client)}/executions", json={"inputs": {"code": "x"}})
    assert (answer.status_code, answer.json()["inputs"]) == (201, {"language": "typescript", "code": "x"})


@pytest.mark.parametrize("change", [{"template": "{{nobody}}"}, {"variables": []}])
async def test_line_2_a_change_that_would_break_a_template_is_undone(
    client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    path = await make_prompt(client)
    assert (await client.patch(path, json=change)).status_code == 422
    assert (await client.get(path)).json()["template"] == PROMPT["template"]
