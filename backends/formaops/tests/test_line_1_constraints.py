"""Line 1: no state that the constraints forbid is ever reached, and each is refused by the name of its rule."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from backends.formaops.models import Claimed, Outcome, Priority, TokenUsage, ValidationStatus
from backends.formaops.queries import executions
from backends.formaops.rules import RULES, broken_rule
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import assay
from assay.config import DatabaseUrl

UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
NOW = datetime(2025, 4, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


async def user_and_prompt(db: assay.Executor) -> tuple[Any, Any]:
    user = await db.fetch_one(UUID, "insert into users (email) values ('a@b.c') returning id")
    prompt = await db.fetch_one(
        UUID, "insert into prompts (name, template, user_id) values ('p', 't', $1) returning id", user
    )
    return user, prompt


@pytest.mark.parametrize(
    ("rule_name", "status", "started", "completed", "latency", "cost"),
    [
        ("chk_cost_positive", "PENDING", None, None, None, Decimal("-0.000001")),
        ("chk_latency_positive", "PENDING", None, None, 0, None),
        ("chk_completion_order", "COMPLETED", LATER, NOW, None, None),
        ("chk_execution_status_logic", "PENDING", NOW, None, None, None),
        ("chk_execution_status_logic", "PENDING", None, NOW, None, None),
        ("chk_execution_status_logic", "RUNNING", None, None, None, None),
        ("chk_execution_status_logic", "RUNNING", NOW, LATER, None, None),
        ("chk_execution_status_logic", "COMPLETED", NOW, None, None, None),
        ("chk_execution_status_logic", "FAILED", None, NOW, None, None),
        ("chk_execution_status_logic", "CANCELLED", None, None, None, None),
    ],
)
async def test_line_1_a_forbidden_execution_is_refused_by_the_name_of_the_rule(
    assay_db: assay.Connection,
    rule_name: str,
    status: str,
    started: datetime | None,
    completed: datetime | None,
    latency: int | None,
    cost: Decimal | None,
) -> None:
    user, prompt = await user_and_prompt(assay_db)
    with pytest.raises(assay.CheckViolation) as caught:
        await assay_db.execute(
            """
            insert into executions (inputs, user_id, prompt_id, status, started_at, completed_at, latency_ms, cost_usd)
            values ('{}', $1, $2, $3::text::execution_status, $4, $5, $6, $7)
            """,
            user, prompt, status, started, completed, latency, cost,
        )  # fmt: skip
    assert caught.value.constraint == rule_name
    assert broken_rule(caught.value) == f"{rule_name}: {RULES[rule_name]}"


@pytest.mark.parametrize(
    ("rule_name", "version", "status"),
    [("chk_version_positive", 0, "DRAFT"), ("chk_published_timestamp", 1, "PUBLISHED")],
)
async def test_line_1_a_forbidden_prompt_is_refused_by_the_name_of_the_rule(
    assay_db: assay.Connection, rule_name: str, version: int, status: str
) -> None:
    user, _ = await user_and_prompt(assay_db)
    with pytest.raises(assay.CheckViolation) as caught:
        await assay_db.execute(
            "insert into prompts (name, template, user_id, version, status) "
            "values ('p', 't', $1, $2, $3::text::prompt_status)",
            user, version, status,
        )  # fmt: skip
    assert broken_rule(caught.value) == f"{rule_name}: {RULES[rule_name]}"


OUTCOMES = st.builds(
    Outcome,
    output=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    validated_output=st.none() | st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=2),
    validation_status=st.sampled_from(ValidationStatus),
    token_usage=st.builds(TokenUsage, st.integers(0, 99), st.integers(0, 99), st.integers(0, 198)),
    latency_ms=st.integers(1, 10_000),
    cost_usd=st.decimals(0, 9999, places=6),
)

FORBIDDEN = """
    select count(*) from executions
    where not case status
        when 'PENDING' then started_at is null and completed_at is null
        when 'RUNNING' then started_at is not null and completed_at is null
        else started_at is not null and completed_at is not null and completed_at >= started_at end
"""


class Lives(RuleBasedStateMachine):
    """Executions driven through their lives in every order, by the statements that the service and its worker have."""

    url: DatabaseUrl
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Claimed] = []
        self.db = self.run(assay.connect(self.url))
        self.block = self.db.transaction()
        self.run(self.block.__aenter__())
        self.user, self.prompt = self.run(user_and_prompt(self.db))

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.db.close())

    @rule(priority=st.sampled_from(Priority))
    def ask(self, priority: Priority) -> None:
        asked = self.run(
            executions.add(
                self.db, user_id=self.user, prompt_id=self.prompt, inputs={}, context=None, priority=priority
            )
        )
        # Within this one transaction all would be of the same moment, and chance would say which comes first.
        later = "update executions set created_at = created_at + (select count(*) from executions) * interval '1 us' "
        self.run(self.db.execute(later + "where id = :id", id=asked.id))

    @rule()
    def claim(self) -> None:
        claimed = self.run(executions.claim(self.db))
        if claimed is not None:
            self.held.append(claimed)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), outcome=OUTCOMES)
    def complete(self, data: st.DataObject, outcome: Outcome) -> None:
        held = data.draw(st.sampled_from(self.held))
        self.run(executions.complete(self.db, held.id, held.started_at, outcome))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.held))
        self.run(executions.fail(self.db, held.id, held.started_at))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.held))
        self.run(executions.give_back(self.db, held.id, held.started_at))

    @rule()
    def give_back_abandoned(self) -> None:
        self.run(executions.give_back_abandoned(self.db, timedelta(0)))

    @rule(which=st.integers(0, 5))
    def cancel(self, which: int) -> None:
        found = self.run(
            self.db.fetch_optional(UUID, "select id from executions order by created_at, id limit 1 offset $1", which)
        )
        if found is not None:
            self.run(executions.cancel(self.db, found, self.user))

    @invariant()
    def no_state_is_forbidden(self) -> None:
        assert self.run(self.db.fetch_one(int, FORBIDDEN)) == 0


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.mark.parametrize("examples", [15, pytest.param(1000, marks=pytest.mark.soak)])
def test_line_1_no_life_of_an_execution_reaches_a_forbidden_state(
    migrated: DatabaseUrl, loop: asyncio.AbstractEventLoop, examples: int
) -> None:
    machine = type("LivesHere", (Lives,), {"url": migrated, "loop": loop})
    case = machine.TestCase  # type: ignore[attr-defined]  # hypothesis makes it for each subclass
    case.settings = settings(
        max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=UNHURRIED
    )
    case().runTest()
