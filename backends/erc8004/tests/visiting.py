"""What users and the operator send to the service."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import httpx
from backends.erc8004.models import NewEvent
from backends.erc8004.tests.conftest import OPERATOR
from backends.erc8004.tests.making import batch_of

PASSWORD = "correct horse"


async def sign_up(client: httpx.AsyncClient, name: str = "dora") -> dict[str, str]:
    """A new user; the header that says who it is."""
    body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    answer = await client.post("/users", json=body)
    assert answer.status_code == 201, answer.text
    return await sign_in(client, name)


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of a user who signs in."""
    answer = await client.post("/sessions", json={"username": name, "password": password})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def trigger(**more: Any) -> dict[str, Any]:
    """A trigger that is valid."""
    return {
        "name": "Low scores",
        "chain_id": 1,
        "registry": "reputation",
        "conditions": [{"field": "score", "operator": "<", "value": "20"}],
        "actions": [{"action_type": "rest", "config": {"url": "https://hook.example/x"}}],
        **more,
    }


def batch(made: list[NewEvent]) -> dict[str, Any]:
    """Events as the operator sends them."""
    whole = batch_of(made)
    rows = [{key: value for key, value in asdict(one).items() if value is not None} for one in made]
    return {"block_number": whole.block_number, "block_hash": whole.block_hash, "events": rows}


async def push(client: httpx.AsyncClient, made: list[NewEvent]) -> int:
    """Send events to the service; how many were new."""
    answer = await client.post(f"/chains/{made[0].chain_id}/events", json=batch(made), headers=OPERATOR)
    assert answer.status_code == 201, answer.text
    added: int = answer.json()["added"]
    return added


async def pages(client: httpx.AsyncClient, path: str, key: str, **how: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    found: list[list[dict[str, Any]]] = []
    before: dict[str, str] = {}
    while True:
        params = {"limit": "2", **before}
        answer = await client.get(path, params=params, **how)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()[key])
        if answer.json()["next"] is None:
            return found
        before = {"before": str(answer.json()["next"])}
