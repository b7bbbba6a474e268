"""A tool's way through Sentinel, with an API key."""

from __future__ import annotations

import httpx

import assay

from ..common.keys import make_key
from ..common.story import Exchange, Visit
from .queries import api_keys, users

CALL = {
    "sender": "0x1",
    "module_address": "0xcafe",
    "module_name": "coin",
    "function_name": "transfer",
    "args": ["0x2", 100],
    "result": {"vm_status": "Executed successfully"},
    "success": True,
    "gas_used": 542,
}


async def first_key(pool: assay.Pool) -> str:
    """A key of somebody who signed in before; Clerk is not there in a demo."""
    key = make_key()
    async with pool.transaction() as transaction:
        user = await users.sign_in(transaction, clerk_id="user_story", email="story@example.com", name="Story")
        await api_keys.add(
            transaction, user_id=user.id, name="story", key_hash=key.hash, key_prefix=key.prefix, expires_at=None
        )
    return key.text


async def story(client: httpx.AsyncClient, pool: assay.Pool) -> list[Exchange]:
    """A project with a simulation and a run of the prover; who has no key is refused."""
    visit = Visit(client, "Sentinel")
    await visit.ask("POST", "/projects", 401, "without a session or a key nobody comes in", json={"name": "Coins"})
    client.headers["X-API-Key"] = await first_key(pool)
    project = await visit.ask("POST", "/projects", 201, "with an API key: a project", json={"name": "Coins"})
    path = f"/projects/{project['id']}"
    visit.hide(project["id"])
    kept = await visit.ask("POST", f"{path}/simulations", 201, "a simulation with its full result", json=CALL)
    run = {"module_name": "coin", "move_code": "module 0xcafe::coin {}", "status": "passed", "result": {"verified": 3}}
    await visit.ask("POST", f"{path}/prover-runs", 201, "a run of the prover", json=run)
    maybe = {**run, "status": "maybe"}
    await visit.ask("POST", f"{path}/prover-runs", 422, "a run that ended in no known way is refused", json=maybe)
    page = await visit.ask("GET", f"{path}/simulations", 200, "the project's simulations: this one")
    visit.expect(page["items"] == [kept] and page["next"] is None, page)
    await visit.ask("DELETE", path, 204, "the project goes, with all that is in it")
    visit.hide(kept["id"])
    await visit.ask("GET", f"/simulations/{kept['id']}", 404, "and so the simulation is gone")
    return visit.exchanges
