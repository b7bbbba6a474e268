"""A prompt's way through FormaOps: written, published, run by a worker, validated."""

from __future__ import annotations

import httpx

import assay

from ..common.story import Exchange, Visit
from .queries import executions
from .running import run, stand_in

PROMPT = {
    "name": "Haiku writer",
    "template": "Write a haiku about {{season}}",
    "variables": [{"name": "season", "options": ["spring", "summer", "autumn", "winter"]}],
}
ASKED = {"schema": {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}}


async def story(client: httpx.AsyncClient, pool: assay.Pool) -> list[Exchange]:
    """Somebody signs up, publishes a prompt and has it run; what does not fit is refused."""
    visit = Visit(client, "FormaOps")
    new = await visit.ask(
        "POST", "/users", 201, "somebody signs up, and gets a key", json={"email": "writer@example.com"}
    )
    client.headers["X-API-Key"] = new["key"]
    prompt = await visit.ask("POST", "/prompts", 201, "a template with a typed variable", json=PROMPT)
    path = f"/prompts/{prompt['id']}"
    visit.hide(prompt["id"])
    published = await visit.ask("POST", f"{path}/publish", 200, "published: its version is kept", json={})
    visit.expect(published["version"] == 2, published)
    form = {"name": "an answer", "type": "SCHEMA", "config": ASKED}
    await visit.ask("POST", f"{path}/validations", 201, "outputs must fit a JSON Schema", json=form)
    monsoon = {"inputs": {"season": "monsoon"}}
    await visit.ask("POST", f"{path}/executions", 422, "a value that is no option is refused", json=monsoon)
    asked = await visit.ask(
        "POST", f"{path}/executions", 201, "an execution waits", json={"inputs": {"season": "spring"}}
    )
    await work(pool)
    visit.hide(asked["id"])
    done = await visit.ask("GET", f"/executions/{asked['id']}", 200, "a worker took it, and its output is valid")
    visit.expect((done["status"], done["validation_status"]) == ("COMPLETED", "PASSED"), done)
    seen = await visit.ask("GET", "/dashboard", 200, "the dashboard: one execution today")
    visit.expect(seen["metrics"]["count"] == 1, seen)
    return visit.exchanges


async def work(pool: assay.Pool) -> None:
    """One turn of a worker."""
    claimed = await executions.claim(pool)
    if claimed is None or not await run(pool, stand_in, claimed, 10):
        raise assay.Error("FormaOps' worker found nothing to do")
