"""Somebody's way through Basic API."""

from __future__ import annotations

import httpx

from ..common.story import Exchange, Visit


async def story(client: httpx.AsyncClient) -> list[Exchange]:
    """Somebody is added, changed and removed; an email that is taken is refused."""
    visit = Visit(client, "Basic API")
    new = {"name": "Barbara", "email": "barbara@example.com"}
    user = await visit.ask("POST", "/users", 201, "somebody is added", json=new)
    await visit.ask("POST", "/users", 409, "the same email once more is refused", json=new)
    path = f"/users/{user['id']}"
    visit.hide(user["id"])
    changed = await visit.ask(
        "PATCH", path, 200, "a name is changed; a trigger moves updated_at", json={"name": "Barbara Liskov"}
    )
    visit.expect(changed["updated_at"] > user["updated_at"] and changed["created_at"] == user["created_at"], changed)
    page = await visit.ask("GET", "/users", 200, "everybody, the newest first")
    visit.expect(page["users"][0] == changed, page)
    await visit.ask("DELETE", path, 204, "and somebody is removed")
    metrics = await visit.ask("GET", "/metrics", 200, "the pool's own numbers: nobody waits")
    visit.expect(metrics["in_use"] == metrics["waiting"] == 0, metrics)
    return visit.exchanges
