"""A call of one tool of an MCP server, over its HTTP transport (Model Context Protocol, revision 2025-06-18).

The server is greeted, told that the greeting was understood, and asked for the tool: three requests. Answers are JSON,
or a stream of server-sent events in which the answer is one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

import assay

from .models import Json
from .targets import Answer

VERSION = "2025-06-18"

Post = Callable[[dict[str, str], Any], Awaitable[Answer]]
"""Sends a body with headers to the server."""


class McpError(assay.Error):
    """A server that did not do what it was asked; ``again`` says whether it may another time."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


async def call_tool(post: Post, tool: str, arguments: Json, token: str | None) -> Any:
    """Call a tool, and return its result.

    Args:
        post: sends a request.
        tool: its name.
        arguments: what it is given.
        token: that the server asks for, if it does.

    Raises:
        McpError: the server refused, or its answer is not one.
    """
    headers = {"Accept": "application/json, text/event-stream"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    about = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "erc8004", "version": "0.1.0"}}
    greeting, answer = await _ask(post, headers, 1, "initialize", about)
    headers["MCP-Protocol-Version"] = str(greeting.get("protocolVersion", VERSION))
    if session := answer.headers.get("Mcp-Session-Id"):
        headers["Mcp-Session-Id"] = session
    _accept(await post(headers, {"jsonrpc": "2.0", "method": "notifications/initialized"}))
    result, _ = await _ask(post, headers, 2, "tools/call", {"name": tool, "arguments": arguments})
    if result.get("isError"):
        raise McpError(f"the tool {tool} failed: {_words(result)}", again=False)
    return result


async def _ask(post: Post, headers: dict[str, str], number: int, method: str, params: Json) -> tuple[Json, Answer]:
    answer = await post(headers, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    _accept(answer)
    reply = _reply(answer, number)
    if "error" in reply:
        raise McpError(f"the server refused {method}: {str(reply['error'])[:500]}", again=False)
    result = reply.get("result")
    if not isinstance(result, dict):
        raise McpError(f"the server's answer to {method} has no result", again=False)
    return result, answer


def _accept(answer: Answer) -> None:
    if not 200 <= answer.status < 300:
        again = answer.status >= 500 or answer.status in (408, 425, 429)
        raise McpError(f"the server answered {answer.status}", again=again)


def _reply(answer: Answer, number: int) -> Json:
    """The message among those of an answer that replies to the request of this number."""
    streamed = answer.headers.get("Content-Type", "").startswith("text/event-stream")
    for text in _streamed(answer.body) if streamed else [answer.body]:
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(found, dict) and found.get("id") == number:
            return found
    raise McpError("the server's answer is not a reply to what it was asked", again=False)


def _streamed(body: bytes) -> list[bytes]:
    """The data of each event (HTML standard, section 9.2)."""
    blocks = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")
    return [
        b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:")) for block in blocks
    ]


def _words(result: Json) -> str:
    texts = [str(one.get("text", "")) for one in result.get("content", []) if isinstance(one, dict)]
    return " ".join(texts)[:500] or "it does not say why"
