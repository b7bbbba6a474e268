"""Statements on ``verification_logs``."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import assay

from ..models import Action, VerificationLog


async def record(
    db: assay.Executor,
    *,
    capture_id: UUID | None,
    action: Action,
    client_ip: IPv4Address | IPv6Address | None,
    user_agent: str | None,
) -> VerificationLog:
    """Log that somebody asked for a photo; ``capture_id`` is None when it is not known."""
    return await db.fetch_one(
        VerificationLog,
        """
        insert into verification_logs (capture_id, action, client_ip, user_agent)
        values (:capture_id, :action, :client_ip, :user_agent)
        returning id, capture_id, action, client_ip, user_agent, created_at
        """,
        capture_id=capture_id,
        action=action,
        client_ip=client_ip,
        user_agent=user_agent,
    )
