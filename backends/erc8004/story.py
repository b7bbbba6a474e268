"""A user's way through api.8004.dev, and an agent's bad feedback."""

from __future__ import annotations

import time
from typing import Any

import httpx

import assay

from ..common.story import Exchange, Visit
from .ingest import Batch, add_batch
from .matching import match_all
from .models import NewEvent

DORA = {"username": "dora", "email": "dora@example.org", "password": "correct horse"}
CHAIN = 84532
TRIGGER = {
    "name": "Low scores",
    "chain_id": CHAIN,
    "registry": "reputation",
    "conditions": [
        {"field": "score", "operator": "<", "value": "40"},
        {"condition_type": "count", "field": "events", "operator": ">=", "value": "1"},
    ],
    "actions": [{"action_type": "telegram", "config": {"chat_id": "@agents", "message": "{agent_id}: {score}"}}],
}


async def story(client: httpx.AsyncClient, pool: assay.Pool) -> list[Exchange]:
    """A user sets up a trigger; a chain's blocks come, and come again; what they were is counted."""
    visit = Visit(client, "api.8004.dev")
    await visit.ask("POST", "/users", 201, "a user signs up", json=DORA)
    await visit.ask("GET", "/triggers", 401, "without signing in nobody sees triggers")
    about = {"username": DORA["username"], "password": DORA["password"]}
    session = await visit.ask("POST", "/sessions", 201, "she signs in", json=about)
    client.headers["Authorization"] = f"Bearer {session['token']}"
    trigger = await visit.ask("POST", "/triggers", 201, "a trigger: feedback below 40, counted", json=TRIGGER)
    visit.expect(trigger["is_stateful"], trigger)
    visit.hide(trigger["id"])
    await _blocks(pool)
    page = await visit.ask("GET", f"/chains/{CHAIN}/events", 200, "blocks came twice: each event is there once")
    _expect_scores(visit, page)
    state = await visit.ask("GET", f"/triggers/{trigger['id']}/state", 200, "a worker matched them: one was low")
    visit.expect([one["seen"] for one in state["conditions"].values()] == [1], state)
    hours = await visit.ask("GET", "/statistics/events?registry=reputation", 200, "the hour's events by chain and type")
    visit.expect(any(one["chain_id"] == CHAIN and one["total"] >= 3 for one in hours), hours)
    return visit.exchanges


async def _blocks(pool: assay.Pool) -> None:
    """What a worker does: add three blocks, get the last one again, and match."""
    begin = int(time.time()) - 60
    feedback = [_feedback(number, score, begin + 2 * number) for number, score in enumerate((85, 12, 70))]
    last = feedback[-1]
    for _ in range(2):
        await add_batch(pool, Batch(CHAIN, feedback, last.block_number, last.block_hash))
    while await match_all(pool):
        pass


def _feedback(number: int, score: int, timestamp: int) -> NewEvent:
    return NewEvent(
        chain_id=CHAIN,
        block_number=9_100_000 + number,
        block_hash=f"0x{0xB10C + number:064x}",
        transaction_hash=f"0x{0x5708 + number:064x}",
        log_index=0,
        registry="reputation",
        event_type="NewFeedback",
        timestamp=timestamp,
        agent_id=7,
        client_address=f"0x{0xC1:040x}",
        score=score,
        tag1="story",
    )


def _expect_scores(visit: Visit, page: dict[str, Any]) -> None:
    scores = [one["score"] for one in page["events"] if one["tag1"] == "story"]
    visit.expect(scores == [70, 12, 85], page)
