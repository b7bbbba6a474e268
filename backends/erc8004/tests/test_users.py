"""Users' triggers over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from backends.erc8004.matching import match_all
from backends.erc8004.tests.making import events
from backends.erc8004.tests.visiting import pages, push, sign_up, trigger

import assay


async def test_a_trigger_is_set_up_shown_changed_switched_and_deleted(client: httpx.AsyncClient) -> None:
    headers = await sign_up(client)
    made = await client.post("/triggers", json=trigger(), headers=headers)
    assert made.status_code == 201, made.text
    path = f"/triggers/{made.json()['id']}"
    assert (await client.get(path, headers=headers)).json() == made.json()
    assert made.json()["conditions"][0]["condition_type"] == "field"
    ema = {"condition_type": "ema", "field": "score", "operator": "<", "value": "60", "config": {"alpha": 0.2}}
    changed = (await client.put(path, json=trigger(name="New", conditions=[ema]), headers=headers)).json()
    assert (changed["name"], changed["is_stateful"], len(changed["conditions"])) == ("New", True, 1)
    assert changed["conditions"][0]["config"] == {"alpha": 0.2}
    off = (await client.patch(path, json={"enabled": False}, headers=headers)).json()
    assert (off["enabled"], off["conditions"], off["actions"]) == (False, changed["conditions"], changed["actions"])
    assert (await client.delete(path, headers=headers)).status_code == 204
    assert (await client.get(path, headers=headers)).status_code == 404


async def test_triggers_of_others_are_not_there(client: httpx.AsyncClient) -> None:
    dora, eve = await sign_up(client), await sign_up(client, "eve")
    made = (await client.post("/triggers", json=trigger(), headers=dora)).json()
    path = f"/triggers/{made['id']}"
    answers = [
        await client.get(path, headers=eve),
        await client.put(path, json=trigger(), headers=eve),
        await client.patch(path, json={"enabled": False}, headers=eve),
        await client.delete(path, headers=eve),
        await client.get(f"{path}/state", headers=eve),
        await client.get(f"/triggers/{uuid4()}", headers=dora),
    ]
    assert [answer.status_code for answer in answers] == [404] * 6
    assert (await client.get("/triggers", headers=eve)).json() == {"triggers": [], "next": None}
    assert (await client.get(path, headers=dora)).json() == made


async def test_triggers_come_newest_first_page_by_page(client: httpx.AsyncClient) -> None:
    headers = await sign_up(client)
    for number in range(5):
        await client.post("/triggers", json=trigger(name=str(number)), headers=headers)
    found = await pages(client, "/triggers", "triggers", headers=headers)
    assert [[one["name"] for one in page] for page in found] == [["4", "3"], ["2", "1"], ["0"]]
    assert all(one["conditions"] and one["actions"] for page in found for one in page)


NO_TRIGGERS: list[tuple[dict[str, Any], list[str | int], str]] = [
    ({"registry": "other"}, ["body", "registry"], "'identity', 'reputation' or 'validation'"),
    ({"chain_id": -1}, ["body", "chain_id"], "greater than or equal to 0"),
    ({"chain_id": 2**31}, ["body", "chain_id"], "less than or equal to"),
    ({"name": ""}, ["body", "name"], "at least 1 character"),
    ({"name": "a\0b"}, ["body", "name"], "cannot be stored"),
    ({"actions": []}, ["body", "actions"], "at least 1 item"),
    ({"admin": True}, ["body", "admin"], "Extra inputs"),
    (
        {"conditions": [{"field": "scor", "operator": "<", "value": "1"}]},
        ["body", "conditions", 0],
        "no field 'scor'",
    ),
    (
        {"conditions": [{"field": "score", "operator": "<", "value": "x"}]},
        ["body", "conditions", 0],
        "'x' is not a number",
    ),
    (
        {"actions": [{"action_type": "rest", "config": {"url": "ftp://x"}}]},
        ["body", "actions", 0],
        "takes an http or https URL",
    ),
    ({"actions": [{"action_type": "telegram", "config": {}}]}, ["body", "actions", 0], "the config takes chat_id"),
    (
        {"actions": [{"action_type": "mcp", "config": {"url": "https://a.example", "tool": "t\0"}}]},
        ["body", "actions", 0],
        "no NUL characters",
    ),
    (
        {"actions": [{"action_type": "rest", "config": {"url": "https://a.example", "headers": {"Host": "b"}}}]},
        ["body", "actions", 0],
        "without Host",
    ),
]


async def test_a_trigger_that_is_not_valid_is_422_and_says_why(client: httpx.AsyncClient) -> None:
    headers = await sign_up(client)
    for more, where, what in NO_TRIGGERS:
        answer = await client.post("/triggers", json=trigger(**more), headers=headers)
        assert answer.status_code == 422, answer.text
        (mistake,) = answer.json()["detail"]
        assert (mistake["loc"], what in mistake["msg"]) == (where, True), mistake
    assert (await client.get("/triggers", headers=headers)).json()["triggers"] == []


async def test_a_trigger_is_asked_of_events_that_come_after_it(
    client: httpx.AsyncClient, pool: assay.Pool, catalog: asyncpg.Connection
) -> None:
    await push(client, events(12))
    headers = await sign_up(client)
    counting = {"condition_type": "count", "field": "events", "operator": ">", "value": "0"}
    made = (await client.post("/triggers", json=trigger(conditions=[counting]), headers=headers)).json()
    await push(client, events(12, first=12))
    while await match_all(pool):
        pass
    assert await catalog.fetchval("select count(*) from action_jobs") == 4
    state = (await client.get(f"/triggers/{made['id']}/state", headers=headers)).json()
    assert [one["seen"] for one in state["conditions"].values()] == [4]
    await client.put(f"/triggers/{made['id']}", json=trigger(), headers=headers)
    assert (await client.get(f"/triggers/{made['id']}/state", headers=headers)).json() == {"conditions": {}}
    assert await catalog.fetchval("select count(*) from action_jobs") == 0
