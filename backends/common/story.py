"""A scripted visit to a service, over HTTP: each request, and whether the answer is what it must be."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import httpx

import assay


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what came of it."""

    request: str
    """Method and path."""
    status: int
    told: str
    """What it shows, in words."""
    seconds: float


class Visit:
    """The requests of one client, one after the other.

    Every method raises assay.Error, quoting the answer, when the answer is not what it must be.
    """

    def __init__(self, client: httpx.AsyncClient, service: str) -> None:
        self._client = client
        self._service = service
        self._hidden: list[str] = []
        self.exchanges: list[Exchange] = []

    def hide(self, key: object) -> None:
        """Show ``…`` in place of a key in the paths that follow."""
        self._hidden.append(str(key))

    async def ask(self, method: str, path: str, status: int, told: str, **content: Any) -> Any:
        """Send a request whose answer must have the given status; the answer's JSON, or None where it has none."""
        started = perf_counter()
        answer = await self._client.request(method, path, **content)
        seconds = perf_counter() - started
        if answer.status_code != status:
            raise assay.Error(
                f"{self._service} answered {method} {path} with {answer.status_code}, not {status}: {answer.text}"
            )
        self.exchanges.append(Exchange(f"{method} {self._shown(path)}", answer.status_code, told, seconds))
        return answer.json() if answer.content else None

    def expect(self, right: bool, answer: object) -> None:
        """Say that the last answer is not what it must be, unless it is right."""
        if not right:
            raise assay.Error(
                f"{self._service}'s answer to {self.exchanges[-1].request} is not what it must be: {answer}"
            )

    def _shown(self, path: str) -> str:
        for key in self._hidden:
            path = path.replace(key, "…")
        return path.partition("?")[0]
