"""Routes for events and statistics, which anybody may read, and for the operator, who adds events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

import assay
from assay import OMIT
from assay.contrib.fastapi import PoolDependency as Pool

from ..common import failures
from ..common.pages import BeforeNumber, Limit, after
from .access import UNAUTHORIZED, GivenOptions, Operator, SignedIn
from .api import Added, BatchBody, McpToken, Moment
from .ingest import Batch, add_batch
from .models import ActionMetrics, Checkpoint, Event, EventStatistics, Large, Name, Number, Registry
from .paging import EventPage
from .queries import action_results, agent_mcp_tokens, checkpoints, events
from .sealing import SealError

router = APIRouter(responses=failures.RESPONSES)
LONGEST = timedelta(days=31)
"""How much time statistics cover at most."""

ChainId = Annotated[Number, Path()]
AgentId = Annotated[Large, Path()]


@router.get("/chains")
async def list_chains(pool: Pool) -> list[Checkpoint]:
    """The chains whose events are here, and how far."""
    return await checkpoints.all_chains(pool)


@router.get("/chains/{chain_id}/events")
async def list_events(
    pool: Pool,
    chain_id: ChainId,
    before: BeforeNumber,
    registry: Registry | None = None,
    event_type: Name | None = None,
    agent_id: Large | None = None,
    client_address: Name | None = None,
    validator_address: Name | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    limit: Limit = 20,
) -> EventPage:
    """The events of a chain, the newest block first, a page at a time; those that fit every filter that is given."""
    rows = await events.newest(
        pool,
        chain_id=chain_id,
        registry=OMIT if registry is None else registry,
        event_type=OMIT if event_type is None else event_type,
        agent_id=OMIT if agent_id is None else agent_id,
        client_address=OMIT if client_address is None else client_address.lower(),
        validator_address=OMIT if validator_address is None else validator_address.lower(),
        since=OMIT if since is None else since,
        until=OMIT if until is None else until,
        **after(before),
        limit=limit + 1,
    )
    return EventPage.of(rows, limit)


@router.get("/events/{event_id}", responses=failures.also(404, "There is no such event"))
async def show_event(pool: Pool, event_id: Annotated[Large, Path()]) -> Event:
    """An event."""
    found = await events.by_id(pool, event_id)
    if found is None:
        raise HTTPException(404, f"there is no event {event_id}; events are dropped when they are old")
    return found


@router.post("/chains/{chain_id}/events", status_code=201, dependencies=[Operator], responses=UNAUTHORIZED)
async def add_events(pool: Pool, options: GivenOptions, chain_id: ChainId, body: BatchBody) -> Added:
    """Add events of a chain and move its checkpoint, both or neither. Those that are there already are left alone."""
    batch = Batch(chain_id, body.events, body.block_number, body.block_hash)
    try:
        return Added(added=await add_batch(pool, batch, keep=options.retention))
    except assay.UsageError as error:
        failures.invalid(("body", "events"), str(error))


@router.get("/statistics/events")
async def event_statistics(
    pool: Pool,
    since: Moment | None = None,
    until: Moment | None = None,
    chain_id: Annotated[Number | None, Query()] = None,
    registry: Registry | None = None,
) -> list[EventStatistics]:
    """How many events each hour had, by chain, registry and type; of the last day unless asked otherwise."""
    begin, end = _span(since, until)
    return await events.hourly(
        pool,
        since=begin,
        until=end,
        chain_id=OMIT if chain_id is None else chain_id,
        registry=OMIT if registry is None else registry,
    )


@router.get("/statistics/actions", responses=UNAUTHORIZED)
async def action_statistics(
    pool: Pool, user: SignedIn, since: Moment | None = None, until: Moment | None = None
) -> list[ActionMetrics]:
    """How the actions of the user's triggers went in each hour; of the last day unless asked otherwise."""
    begin, end = _span(since, until)
    return await action_results.hourly(pool, since=begin, until=end, user_id=user.id)


def _span(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    end = until or (since + timedelta(days=1) if since else datetime.now(UTC))
    begin = since or end - timedelta(days=1)
    if not timedelta(0) <= end - begin <= LONGEST:
        failures.invalid(("query", "since"), f"since is before until, by {LONGEST.days} days at most")
    return begin, end


@router.put(
    "/agents/{agent_id}/mcp-token",
    status_code=204,
    dependencies=[Operator],
    responses={**UNAUTHORIZED, **failures.also(409, "TOKEN_KEYS is not set")},
)
async def put_token(pool: Pool, options: GivenOptions, agent_id: AgentId, body: McpToken) -> None:
    """Keep the token that an agent's MCP server asks for. It is encrypted, and never shown again."""
    try:
        sealed = options.seal.close(body.token)
    except SealError as error:
        raise HTTPException(409, str(error)) from None
    await agent_mcp_tokens.put(pool, agent_id, sealed)


@router.delete(
    "/agents/{agent_id}/mcp-token",
    status_code=204,
    dependencies=[Operator],
    responses={**UNAUTHORIZED, **failures.also(404, "The agent has no token")},
)
async def delete_token(pool: Pool, agent_id: AgentId) -> None:
    """Forget the token of an agent."""
    if not await agent_mcp_tokens.remove(pool, agent_id):
        raise HTTPException(404, f"agent {agent_id} has no token")
