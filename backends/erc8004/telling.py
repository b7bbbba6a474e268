"""What actions send: an event in words and in JSON, by telegram, HTTP, or a call of an MCP server's tool."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import httpx
import msgspec

import assay

from . import mcp
from .models import ActionType, Event, Job, Json
from .options import Options
from .queries import agent_mcp_tokens
from .sealing import SealError
from .targets import Answer, TargetRefused, check_url, send

KEPT = 2_000
"""Characters of an answer that are kept with a result."""
LARGEST_CONFIG = 16 * 1024
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_LONGEST_MESSAGE = 4096
"""Characters that Telegram takes (Bot API, sendMessage)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    done: bool
    again: bool = False
    """Whether another attempt may end otherwise."""
    error: str | None = None
    response: Json | None = None


class ActionError(assay.Error):
    """An action that cannot be done as it is set up; the message says why."""


def check_action(action_type: ActionType, config: Json) -> None:
    """Look at what an action is set up with. Raises ActionError, which says what it takes."""
    _CHECKS[action_type](config)
    try:
        text = msgspec.json.encode(config)
    except (OverflowError, UnicodeEncodeError):
        raise ActionError("the config holds a number or a text that has no place in JSON") from None
    if len(text) > LARGEST_CONFIG or b"\\u0000" in text:
        raise ActionError(f"the config takes {LARGEST_CONFIG} bytes of JSON at most, and no NUL characters")


async def tell(pool: assay.Pool, client: httpx.AsyncClient, options: Options, job: Job, event: Event) -> Outcome:
    """Make an attempt at an action. What goes wrong is in the outcome."""
    try:
        check_action(job.action_type, job.config)
        return await _DEEDS[job.action_type](pool, client, options, job, event)
    except (ActionError, TargetRefused, SealError) as error:
        return Outcome(done=False, error=str(error))
    except mcp.McpError as error:
        return Outcome(done=False, again=error.again, error=str(error))
    except httpx.RequestError as error:
        reason = str(error) or type(error).__name__
        return Outcome(done=False, again=True, error=f"the target cannot be reached: {reason}")


def described(event: Event) -> Json:
    """An event as JSON, without the fields that it does not have; times in ISO 8601."""
    found: Json = msgspec.to_builtins({name: value for name, value in asdict(event).items() if value is not None})
    return found


def message(template: str | None, trigger: str, event: Event) -> str:
    """A text about an event. ``{name}`` in the template is a field of the event, or ``trigger``."""
    facts = {**described(event), "trigger": trigger}
    if template is None:
        about = "\n".join(f"{name}: {value}" for name, value in facts.items() if name != "trigger")
        text = f"{trigger}\n{about}"
    else:
        text = _PLACEHOLDER.sub(lambda found: str(facts.get(found[1], found[0])), template)
    return text[:_LONGEST_MESSAGE]


def key_of(job_id: UUID) -> dict[str, str]:
    """By this header a target knows an action that comes twice: a worker may die after it was done."""
    return {"Idempotency-Key": str(job_id)}


async def _telegram(pool: assay.Pool, client: httpx.AsyncClient, options: Options, job: Job, event: Event) -> Outcome:
    if options.telegram_token is None:
        raise ActionError("TELEGRAM_BOT_TOKEN is not set, so no message can be sent")
    body = {"chat_id": job.config["chat_id"], "text": message(job.config.get("message"), job.trigger_name, event)}
    url = f"{options.telegram_url}/bot{options.telegram_token}/sendMessage"
    # The operator chose this target, not a user.
    answer = await send(client, "POST", url, private=True, headers={}, json=body)
    return _judged(answer, hidden=options.telegram_token)


async def _rest(pool: assay.Pool, client: httpx.AsyncClient, options: Options, job: Job, event: Event) -> Outcome:
    body = {
        "job_id": str(job.id),
        "trigger": {"id": str(job.trigger_id), "name": job.trigger_name},
        "event": described(event),
    }
    answer = await send(
        client,
        job.config.get("method", "POST"),
        job.config["url"],
        private=options.allow_private_targets,
        headers={**job.config.get("headers", {}), **key_of(job.id)},
        json=body,
    )
    return _judged(answer)


async def _mcp(pool: assay.Pool, client: httpx.AsyncClient, options: Options, job: Job, event: Event) -> Outcome:
    sealed = await agent_mcp_tokens.by_agent(pool, event.agent_id) if event.agent_id is not None else None
    token = options.seal.open(sealed) if sealed is not None else None
    arguments = {**job.config.get("arguments", {}), "event": described(event)}

    async def post(headers: dict[str, str], body: Any) -> Answer:
        where = job.config["url"]
        return await send(
            client,
            "POST",
            where,
            private=options.allow_private_targets,
            headers={**headers, **key_of(job.id)},
            json=body,
        )

    result = await mcp.call_tool(post, job.config["tool"], arguments, token)
    return Outcome(done=True, response={"result": msgspec.json.encode(result).decode()[:KEPT]})


def _judged(answer: Answer, hidden: str | None = None) -> Outcome:
    text = answer.body.decode("utf-8", "replace").replace("\0", "")[:KEPT]
    if hidden:
        text = text.replace(hidden, "***")
    response: Json = {"status": answer.status, "body": text}
    if 200 <= answer.status < 300:
        return Outcome(done=True, response=response)
    again = answer.status >= 500 or answer.status in (408, 425, 429)
    return Outcome(done=False, again=again, error=f"the target answered {answer.status}", response=response)


# --- what actions are set up with


def _check_telegram(config: Json) -> None:
    _only(config, {"chat_id"}, {"message"})
    chat = config["chat_id"]
    if isinstance(chat, bool) or not (isinstance(chat, str) or (isinstance(chat, int) and abs(chat) < 2**63)):
        raise ActionError("chat_id takes the number or the @name of a chat")
    if not isinstance(config.get("message", ""), str):
        raise ActionError("message takes a text")


def _check_rest(config: Json) -> None:
    _only(config, {"url"}, {"method", "headers"})
    _check_url(config["url"])
    if config.get("method", "POST") not in ("POST", "PUT", "PATCH"):
        raise ActionError("method takes POST, PUT or PATCH")
    headers = config.get("headers", {})
    if not isinstance(headers, dict) or not all(_is_header(*pair) for pair in headers.items()):
        raise ActionError("headers takes texts by their names, in printable ASCII, without Host and Content-Length")


def _check_mcp(config: Json) -> None:
    _only(config, {"url", "tool"}, {"arguments"})
    _check_url(config["url"])
    if not isinstance(config["tool"], str) or not isinstance(config.get("arguments", {}), dict):
        raise ActionError("tool takes a name, and arguments an object")


def _only(config: Json, needed: set[str], optional: set[str]) -> None:
    if not needed <= set(config) <= needed | optional:
        raise ActionError(f"the config takes {', '.join(sorted(needed))}, and perhaps {', '.join(sorted(optional))}")


def _check_url(url: object) -> None:
    if not isinstance(url, str):
        raise ActionError("url takes a text")
    try:
        check_url(url)
    except TargetRefused as error:
        raise ActionError(str(error)) from None


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,2000}[\x21-\x7e])?")
_RESERVED = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key"})


def _is_header(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(value, str)
        and _HEADER_NAME.fullmatch(name) is not None
        and _HEADER_VALUE.fullmatch(value) is not None
        and name.lower() not in _RESERVED
    )


_Deed = Callable[[assay.Pool, httpx.AsyncClient, Options, Job, Event], Awaitable[Outcome]]
_DEEDS: dict[ActionType, _Deed] = {"telegram": _telegram, "rest": _rest, "mcp": _mcp}
_CHECKS: dict[ActionType, Callable[[Json], None]] = {
    "telegram": _check_telegram,
    "rest": _check_rest,
    "mcp": _check_mcp,
}
