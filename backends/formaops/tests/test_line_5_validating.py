"""Line 5: outputs are validated by JSON Schema, by regular expression and by functions that are registered."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from backends.formaops.models import Priority, Validation, ValidationStatus, ValidationType
from backends.formaops.queries import executions, validations
from backends.formaops.running import run, stand_in
from backends.formaops.tests.conftest import make_prompt
from backends.formaops.validating import FUNCTIONS, ValidationConfigError, judge, verify

import assay

SCHEMA = {"schema": {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}}


def validation(type_: ValidationType, config: dict[str, Any], name: str = "a validation") -> Validation:
    now = datetime.now(UTC)
    return Validation(uuid4(), name, type_, config, True, now, now, uuid4())


@pytest.mark.parametrize(
    ("type_", "config", "output", "why"),
    [
        (ValidationType.SCHEMA, SCHEMA, '{"answer": "x"}', None),
        (ValidationType.SCHEMA, SCHEMA, '{"answer": 1}', "$.answer: 1 is not of type 'string'"),
        (ValidationType.SCHEMA, SCHEMA, "{}", "$: 'answer' is a required property"),
        (ValidationType.SCHEMA, SCHEMA, "no", "the output is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (ValidationType.REGEX, {"pattern": "^[a-z]+$"}, "abc", None),
        (ValidationType.REGEX, {"pattern": "^[a-z]+$"}, "ABC", "the output does not match the pattern"),
        (ValidationType.FUNCTION, {"function": "not_empty"}, "x", None),
        (ValidationType.FUNCTION, {"function": "not_empty"}, " ", "the output is empty"),
        (ValidationType.FUNCTION, {"function": "is_json"}, "[", "the output is not JSON: "),
    ],
)
def test_line_5_an_output_is_judged(
    type_: ValidationType, config: dict[str, Any], output: str, why: str | None
) -> None:
    judged = judge([validation(type_, config)], output)
    if why is None:
        assert (judged.status, judged.mistakes) == (ValidationStatus.PASSED, ())
        assert judged.parsed == (json.loads(output) if type_ is ValidationType.SCHEMA else None)
    else:
        assert judged.status is ValidationStatus.FAILED
        assert judged.parsed is None
        assert [name for name, told in judged.mistakes if told.startswith(why)] == ["a validation"]


def test_line_5_without_validations_an_output_is_skipped() -> None:
    assert judge([], "x").status is ValidationStatus.SKIPPED


def test_line_5_a_pattern_that_ruins_others_takes_no_time() -> None:
    """Exponential for matchers that go back, 2 to the 5,000th steps here."""
    began = time.monotonic()
    assert judge([validation(ValidationType.REGEX, {"pattern": "^(a+)+$"})], "a" * 5000 + "b").mistakes
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("type_", "config", "why"),
    [
        (ValidationType.SCHEMA, {}, "its config needs 'schema'"),
        (ValidationType.SCHEMA, {"schema": {"type": "nothing"}}, "the schema is not a JSON Schema"),
        (ValidationType.REGEX, {"pattern": "("}, "the pattern cannot be used"),
        (ValidationType.REGEX, {"pattern": "(?=a)"}, "the pattern cannot be used"),
        (
            ValidationType.FUNCTION,
            {"function": "os.system"},
            "there is no function 'os.system'; there are is_json, not_empty",
        ),
        (ValidationType.FUNCTION, {"function": "__import__('os')"}, "there is no function"),
    ],
)
async def test_line_5_a_validation_that_cannot_be_used_is_refused(
    client: httpx.AsyncClient, type_: ValidationType, config: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationConfigError) as caught:
        verify(type_, config)
    assert str(caught.value).startswith(why)
    body = {"name": "v", "type": type_, "config": config}
    answer = await client.post(f"{await make_prompt(client)}/validations", json=body)
    assert (answer.status_code, answer.json()["detail"][0]["msg"]) == (422, str(caught.value))


def test_line_5_only_registered_functions_are_called() -> None:
    assert set(FUNCTIONS) == {"not_empty", "is_json"}


@pytest.mark.parametrize(("pattern", "status"), [("hi", "PASSED"), ("bye", "FAILED")])
async def test_line_5_a_run_is_validated_and_what_failed_is_logged(
    pool: assay.Pool, prompt_id: UUID, pattern: str, status: str
) -> None:
    await validations.add(
        pool, prompt_id=prompt_id, name="words", type_=ValidationType.REGEX, config={"pattern": pattern}
    )
    await validations.add(pool, prompt_id=prompt_id, name="form", type_=ValidationType.SCHEMA, config=SCHEMA)
    user = await pool.fetch_one(UUID, "select id from users")
    await executions.add(
        pool, user_id=user, prompt_id=prompt_id, inputs={"word": "hi"}, context=None, priority=Priority.NORMAL
    )
    claimed = await executions.claim(pool)
    assert claimed is not None
    assert await run(pool, stand_in, claimed, 5)
    found = await executions.of_user(pool, claimed.id, user)
    assert found is not None
    assert (found.status, found.validation_status) == ("COMPLETED", status)
    assert found.validated_output == ({"answer": "Say hi"} if status == "PASSED" else None)
    logs = await pool.fetch_all(str, "select message from execution_logs where level = 'WARN'")
    assert logs == ([] if status == "PASSED" else ["validation 'words' failed: the output does not match the pattern"])


async def test_line_5_a_validation_can_be_switched_off_and_removed(client: httpx.AsyncClient) -> None:
    path = await make_prompt(client)
    body = {"name": "v", "type": "REGEX", "config": {"pattern": "x"}}
    added = (await client.post(f"{path}/validations", json=body)).json()
    one = f"/validations/{added['id']}"
    assert (await client.patch(one, json={"is_active": False})).json()["is_active"] is False
    assert [each["id"] for each in (await client.get(f"{path}/validations")).json()] == [added["id"]]
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(f"{path}/validations")).json() == []
    assert (await client.patch(one, json={"is_active": True})).status_code == 404
