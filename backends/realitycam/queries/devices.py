"""Statements on ``devices``."""

from __future__ import annotations

from uuid import UUID

import assay

from ..models import Device, Registration


async def register(
    db: assay.Executor, *, key_id: str, chain: bytes | None, platform: str, model: str, has_lidar: bool
) -> Registration:
    """Register a device by its attestation key, or note that a known one was seen again.

    What a known device is does not change: only its last sighting, and a certificate chain that was missing.
    """
    return await db.fetch_one(
        Registration,
        """
        insert into devices (attestation_key_id, attestation_chain, platform, model, has_lidar)
        values (:key_id, :chain, :platform, :model, :has_lidar)
        on conflict (attestation_key_id) do update
        set last_seen_at = now(),
            attestation_chain = coalesce(devices.attestation_chain, excluded.attestation_chain)
        returning id, attestation_level, attestation_key_id, attestation_chain, platform, model, has_lidar,
                  first_seen_at, last_seen_at, (xmax = 0) as created
        """,
        key_id=key_id,
        chain=chain,
        platform=platform,
        model=model,
        has_lidar=has_lidar,
    )


async def by_id(db: assay.Executor, device_id: UUID) -> Device | None:
    """The device with this id, if there is one."""
    return await db.fetch_optional(
        Device,
        """
        select id, attestation_level, attestation_key_id, attestation_chain, platform, model, has_lidar,
               first_seen_at, last_seen_at
        from devices
        where id = $1
        """,
        device_id,
    )
