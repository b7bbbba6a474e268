"""Line 5: actions are real requests, tried again when that can help, and each attempt is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from backends.erc8004.acting import act_all, make_client, pause
from backends.erc8004.ingest import add_batch
from backends.erc8004.matching import match_all
from backends.erc8004.options import Options, load
from backends.erc8004.queries import action_jobs, agent_mcp_tokens
from backends.erc8004.queries import events as stored
from backends.erc8004.tests.making import MONDAY, batch_of, event
from backends.erc8004.tests.targets_made import Asked, Reply, Target, serving
from backends.erc8004.tests.triggers_made import make_trigger
from cryptography.fernet import Fernet

import assay

RESULTS = "select * from action_results order by id"
KEY = Fernet.generate_key().decode()


@pytest.fixture
def target() -> Iterator[Target]:
    with serving() as started:
        yield started


def options(**environ: str) -> Options:
    base = {"ALLOW_PRIVATE_TARGETS": "true", "ACTION_BACKOFF": "0.001", "ACTION_TIMEOUT": "2", "TOKEN_KEYS": KEY}
    return load({**base, **environ})


async def fire(pool: assay.Pool, kind: str, config: dict[str, Any], **fields: Any) -> UUID:
    """A trigger with one action, which fires for one event."""
    trigger = await make_trigger(pool, actions=((kind, config),), name="Low scores")
    await add_batch(pool, batch_of([event(1, **fields)]))
    assert await match_all(pool) == 1
    return trigger


async def act(pool: assay.Pool, given: Options) -> int:
    """Everything that is due, and what becomes due shortly."""
    attempts = 0
    async with make_client(given) as client:
        while (seconds := await action_jobs.seconds_to_next(pool)) is not None and seconds < 5:
            attempts += await act_all(pool, client, given)
    return attempts


async def test_line_5_a_rest_action_sends_the_event_and_records_the_answer(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    config = {"url": f"{target.url}/hook?x=1", "method": "PUT", "headers": {"Authorization": "Bearer t"}}
    trigger = await fire(pool, "rest", config, score=7)
    assert await act(pool, options()) == 1
    (asked,) = target.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("PUT", "/hook?x=1", "Bearer t")
    assert asked.headers["host"] == target.url.removeprefix("http://")
    assert asked.body["trigger"] == {"id": str(trigger), "name": "Low scores"}
    assert asked.body["event"]["score"] == 7
    assert asked.body["event"]["created_at"] == "2025-01-20T00:00:00Z"
    (result,) = await catalog.fetch(RESULTS)
    assert (result["status"], result["trigger_id"], result["action_type"]) == ("success", trigger, "rest")
    assert (result["retry_count"], result["error_message"]) == (0, None)
    assert json.loads(result["response_data"]) == {"status": 200, "body": "{}"}
    assert 0 <= result["duration_ms"] < 2000
    assert asked.headers["idempotency-key"] == asked.body["job_id"] == str(result["job_id"])
    assert await catalog.fetchval("select count(*) from action_jobs") == 0


async def test_line_5_what_fails_for_the_moment_is_tried_again_and_each_attempt_is_recorded(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    target.replies = [Reply(503), Reply(429), Reply(200)]
    await fire(pool, "rest", {"url": target.url})
    assert await act(pool, options()) == 3
    results = [(row["status"], row["retry_count"], row["error_message"]) for row in await catalog.fetch(RESULTS)]
    assert results == [
        ("retrying", 0, "the target answered 503"),
        ("retrying", 1, "the target answered 429"),
        ("success", 2, None),
    ]
    assert await catalog.fetchval("select count(distinct job_id) from action_results") == 1
    assert len({asked.headers["idempotency-key"] for asked in target.asked}) == 1


async def test_line_5_an_action_that_keeps_failing_is_given_up(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    target.replies = [Reply(500)]
    await fire(pool, "rest", {"url": target.url})
    assert await act(pool, options(ACTION_ATTEMPTS="3")) == 3
    assert [row["status"] for row in await catalog.fetch(RESULTS)] == ["retrying", "retrying", "failed"]
    assert await catalog.fetchval("select count(*) from action_jobs") == 0


@pytest.mark.parametrize("status", [301, 400, 401, 404])
async def test_what_would_fail_again_is_not_tried_again(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target, status: int
) -> None:
    target.replies = [Reply(status, headers={"Location": "/elsewhere"})]
    await fire(pool, "rest", {"url": target.url})
    assert await act(pool, options()) == 1
    (result,) = await catalog.fetch(RESULTS)
    assert (result["status"], result["error_message"]) == ("failed", f"the target answered {status}")
    assert len(target.asked) == 1, "and no redirect was followed"


async def test_a_target_that_cannot_be_reached_is_tried_again(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await fire(pool, "rest", {"url": "http://127.0.0.1:1/"})
    assert await act(pool, options(ACTION_ATTEMPTS="2")) == 2
    results = await catalog.fetch(RESULTS)
    assert [row["status"] for row in results] == ["retrying", "failed"]
    assert results[0]["error_message"].startswith("the target cannot be reached: ")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://10.1.2.3/", "http://169.254.169.254/latest", "http://[::1]/"],
)
async def test_a_private_target_is_refused_unless_a_setting_allows_it(
    pool: assay.Pool, catalog: asyncpg.Connection, url: str
) -> None:
    await fire(pool, "rest", {"url": url})
    assert await act(pool, options(ALLOW_PRIVATE_TARGETS="false")) == 1
    (result,) = await catalog.fetch(RESULTS)
    assert result["status"] == "failed"
    assert "which is not public; the operator can allow such targets" in result["error_message"]


async def test_line_5_a_telegram_action_sends_a_message_by_the_bot_and_keeps_its_token_to_itself(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    target.replies = [Reply(400, b'{"description": "bot123:secret is not in the chat"}')]
    config = {"chat_id": "@agents", "message": "{trigger}: {score} by {client_address} {nothing}"}
    await fire(pool, "telegram", config, score=7, client_address="0xAB")
    await act(pool, options(TELEGRAM_URL=target.url, TELEGRAM_BOT_TOKEN="123:secret"))
    (asked,) = target.asked
    assert asked.path == "/bot123:secret/sendMessage"
    assert asked.body == {"chat_id": "@agents", "text": "Low scores: 7 by 0xab {nothing}"}
    (result,) = await catalog.fetch(RESULTS)
    assert "secret" not in str(dict(result))


async def test_a_message_without_a_template_tells_the_whole_event(pool: assay.Pool, target: Target) -> None:
    await fire(pool, "telegram", {"chat_id": 7}, score=7)
    await act(pool, options(TELEGRAM_URL=target.url, TELEGRAM_BOT_TOKEN="t"))
    text = target.asked[0].body["text"]
    assert text.startswith("Low scores\n")
    assert "\nscore: 7\n" in text
    assert "None" not in text


async def test_a_telegram_action_without_a_bot_is_explained(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await fire(pool, "telegram", {"chat_id": 7})
    await act(pool, options())
    (result,) = await catalog.fetch(RESULTS)
    assert result["error_message"] == "TELEGRAM_BOT_TOKEN is not set, so no message can be sent"


def mcp_server(streamed: bool, result: dict[str, Any]) -> Any:
    """An MCP server with one tool."""

    def answer(asked: Asked) -> Reply:
        match asked.body:
            case {"method": "initialize", "id": number}:
                found = {"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": {"name": "s"}}
            case {"method": "notifications/initialized"}:
                return Reply(202, b"")
            case {"method": "tools/call", "id": number}:
                found = result
            case _:
                return Reply(400)
        text = json.dumps({"jsonrpc": "2.0", "id": number, "result": found})
        if not streamed:
            return Reply(200, text.encode(), {"Content-Type": "application/json", "Mcp-Session-Id": "s-1"})
        body = f'event: message\ndata: {{"jsonrpc": "2.0", "method": "notifications/progress"}}\n\ndata: {text}\n\n'
        return Reply(200, body.encode(), {"Content-Type": "text/event-stream", "Mcp-Session-Id": "s-1"})

    return answer


@pytest.mark.parametrize("streamed", [False, True])
async def test_line_5_an_mcp_action_calls_the_tool_with_the_agent_s_token(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target, streamed: bool
) -> None:
    target.answer = mcp_server(streamed, {"content": [{"type": "text", "text": "noted"}]})
    given = options()
    await agent_mcp_tokens.put(pool, 42, given.seal.close("agent-secret"))
    config = {"url": f"{target.url}/mcp", "tool": "note", "arguments": {"level": 2}}
    await fire(pool, "mcp", config, agent_id=42, score=7)
    await act(pool, given)
    assert [asked.body["method"] for asked in target.asked] == ["initialize", "notifications/initialized", "tools/call"]
    assert {asked.headers["authorization"] for asked in target.asked} == {"Bearer agent-secret"}
    call = target.asked[2]
    assert (call.headers["mcp-session-id"], call.headers["mcp-protocol-version"]) == ("s-1", "2025-03-26")
    assert (call.body["params"]["name"], call.body["params"]["arguments"]["level"]) == ("note", 2)
    assert call.body["params"]["arguments"]["event"]["score"] == 7
    (result,) = await catalog.fetch(RESULTS)
    assert result["status"] == "success"
    assert "noted" in result["response_data"]
    assert "agent-secret" not in str(dict(result))


async def test_an_mcp_tool_that_fails_is_not_called_again(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    target.answer = mcp_server(False, {"isError": True, "content": [{"type": "text", "text": "no such\0agent"}]})
    await fire(pool, "mcp", {"url": target.url, "tool": "note"})
    await act(pool, options())
    (result,) = await catalog.fetch(RESULTS)
    assert (result["status"], result["error_message"]) == ("failed", "the tool note failed: no suchagent")


async def test_a_token_whose_key_is_gone_is_explained(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    await agent_mcp_tokens.put(pool, 42, options().seal.close("agent-secret"))
    await fire(pool, "mcp", {"url": target.url, "tool": "note"}, agent_id=42)
    await act(pool, options(TOKEN_KEYS=Fernet.generate_key().decode()))
    (result,) = await catalog.fetch(RESULTS)
    assert "encrypted with a key that TOKEN_KEYS does not have" in result["error_message"]
    assert target.asked == []


async def test_an_answer_that_is_large_or_cannot_be_stored_is_kept_in_part(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    target.replies = [Reply(200, b"a\0b\xff" + b"x" * 1_000_000)]
    await fire(pool, "rest", {"url": target.url})
    await act(pool, options())
    (result,) = await catalog.fetch(RESULTS)
    body = json.loads(result["response_data"])["body"]
    assert body.startswith("ab�xxx")
    assert len(body) == 2000


async def test_a_result_outlives_the_chunk_of_its_event_and_the_trigger(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    trigger = await fire(pool, "rest", {"url": target.url})
    await act(pool, options())
    assert await stored.drop_chunks(pool, timedelta(days=30)) == 1
    await catalog.execute("delete from triggers where id = $1", trigger)
    (result,) = await catalog.fetch(RESULTS)
    assert (result["trigger_id"], result["status"]) == (None, "success")
    assert result["event_created_at"] == datetime.fromtimestamp(MONDAY, UTC)


async def test_an_action_whose_event_is_gone_is_given_up(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    await fire(pool, "rest", {"url": target.url})
    await stored.drop_chunks(pool, timedelta(days=30))
    await act(pool, options())
    (result,) = await catalog.fetch(RESULTS)
    assert (result["status"], result["error_message"]) == ("failed", "the event is gone: its chunk was dropped")


async def test_a_job_whose_worker_died_is_due_again_after_its_lease(
    pool: assay.Pool, catalog: asyncpg.Connection, target: Target
) -> None:
    await fire(pool, "rest", {"url": target.url})
    taken = await action_jobs.take(pool, 10, timedelta(seconds=60))
    assert len(taken) == 1
    assert await action_jobs.take(pool, 10, timedelta(seconds=60)) == [], "nobody else gets it meanwhile"
    await catalog.execute("update action_jobs set due_at = now()")
    assert await act(pool, options()) == 1
    assert [row["status"] for row in await catalog.fetch(RESULTS)] == ["success"]


async def test_actions_are_done_by_priority(pool: assay.Pool, catalog: asyncpg.Connection, target: Target) -> None:
    await make_trigger(pool, actions=(("rest", {"url": f"{target.url}/a"}), ("rest", {"url": f"{target.url}/b"})))
    await catalog.execute(
        "update trigger_actions set priority = case when config ->> 'url' like '%/a' then 2 else 1 end"
    )
    await add_batch(pool, batch_of([event(1)]))
    await match_all(pool)
    lease = timedelta(seconds=60)
    jobs = [*await action_jobs.take(pool, 1, lease), *await action_jobs.take(pool, 1, lease)]
    assert [job.config["url"][-2:] for job in jobs] == ["/b", "/a"]


def test_the_pause_doubles_up_to_an_hour() -> None:
    for attempts in range(40):
        middle = min(2.0 * 2**attempts, 3600)
        assert 0.75 * middle <= pause(2.0, attempts).total_seconds() <= 1.25 * middle
