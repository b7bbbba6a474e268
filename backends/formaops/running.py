"""Running an execution: the prompt rendered, the model asked, the output validated, all of it noted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import TypeAlias

import httpx

import assay

from .models import Claimed, LogLevel, Outcome, TokenUsage
from .options import Options
from .queries import execution_logs, executions, validations
from .templates import TemplateError, render
from .validating import Judged, ValidationConfigError, judge

PRICE = Decimal("0.000003")
"""Of a token, in US dollars, where the model does not say."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered."""

    text: str
    usage: TokenUsage
    cost_usd: Decimal


Model: TypeAlias = Callable[[str], Awaitable[Answer]]
"""Answers a prompt; raises ModelError when it cannot."""


class ModelError(Exception):
    """The model could not be asked, or did not answer."""


async def stand_in(prompt: str) -> Answer:
    """A model that is always there: it answers with what it was asked, as JSON."""
    text = json.dumps({"answer": prompt})
    usage = TokenUsage(len(prompt.split()), len(text.split()), len(prompt.split()) + len(text.split()))
    return Answer(text, usage, usage.total * PRICE)


def model_at(client: httpx.AsyncClient, options: Options) -> Model:
    """The model at ``MODEL_URL``: a POST of ``{"prompt": ...}`` is answered by ``{"output", "input_tokens", ...}``."""
    url = options.model_url
    if url is None:
        return stand_in
    headers = {"Authorization": f"Bearer {options.model_key}"} if options.model_key else {}

    async def ask(prompt: str) -> Answer:
        try:
            answer = await client.post(url, json={"prompt": prompt}, headers=headers)
            answer.raise_for_status()
            return _answer(answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"the model did not answer: {type(error).__name__}") from error

    return ask


def _answer(found: dict[str, object]) -> Answer:
    text, sent, got = str(found["output"]), int(str(found["input_tokens"])), int(str(found["output_tokens"]))
    cost = Decimal(str(found["cost_usd"])) if "cost_usd" in found else (sent + got) * PRICE
    return Answer(text, TokenUsage(sent, got, sent + got), cost)


async def run(pool: assay.Pool, model: Model, claimed: Claimed, timeout: float) -> bool:  # noqa: ASYNC109 - of the model alone
    """Run an execution that was claimed, and note what came of it; whether it was this run that was noted.

    A run that is cancelled is given back.
    """
    try:
        outcome, judged = await _attempt(pool, model, claimed, timeout)
    except (TemplateError, ModelError, ValidationConfigError) as error:
        return await _fail(pool, claimed, str(error))
    except TimeoutError:
        return await _fail(pool, claimed, f"the model did not answer within {timeout:g} s")
    except asyncio.CancelledError:
        await asyncio.shield(executions.give_back(pool, claimed.id, claimed.started_at))
        raise
    async with pool.transaction() as transaction:
        noted = await executions.complete(transaction, claimed.id, claimed.started_at, outcome)
        if noted:
            for name, why in judged.mistakes:
                await execution_logs.add(transaction, claimed.id, LogLevel.WARN, f"validation {name!r} failed: {why}")
            await execution_logs.add(transaction, claimed.id, LogLevel.INFO, "completed")
    return noted


async def _attempt(pool: assay.Pool, model: Model, claimed: Claimed, timeout: float) -> tuple[Outcome, Judged]:  # noqa: ASYNC109
    prompt = render(claimed.template, claimed.variables, claimed.inputs)
    began = perf_counter()
    async with asyncio.timeout(timeout):
        answer = await model(prompt)
    latency = max(1, round((perf_counter() - began) * 1000))
    text = answer.text.replace("\0", "�")
    judged = await asyncio.to_thread(judge, await validations.active(pool, claimed.prompt_id), text)
    outcome = Outcome(text, judged.parsed, judged.status, answer.usage, latency, answer.cost_usd)
    return outcome, judged


async def _fail(pool: assay.Pool, claimed: Claimed, why: str) -> bool:
    async with pool.transaction() as transaction:
        noted = await executions.fail(transaction, claimed.id, claimed.started_at)
        if noted:
            await execution_logs.add(transaction, claimed.id, LogLevel.ERROR, why)
    return noted
