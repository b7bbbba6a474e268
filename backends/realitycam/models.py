"""The rows of RealityCam, and the evidence that a capture carries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from annotated_types import Ge, Le

from ..common.texts import Text

Action: TypeAlias = Literal["matched", "unknown"]
"""How a verification ended."""

# Evidence is strict where it comes in, over HTTP, and tolerant where it is read back: a row written by a newer
# version may know more.
_STRICT = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(slots=True)
class Assertion:
    """The phone's signature over the photo, as its secure hardware made it."""

    status: Literal["valid", "invalid", "absent"]
    counter: Annotated[int, Ge(0), Le(2**31 - 1)] = 0
    """How often the key has signed; it never goes down."""

    __pydantic_config__ = _STRICT


@dataclass(slots=True)
class Depth:
    """What the depth map says of the scene: a photo of a screen is flat."""

    status: Literal["pass", "fail", "unavailable"]
    variance: Annotated[float, Ge(0)] = 0.0
    """Of the distances, in square metres."""
    layers: Annotated[int, Ge(0), Le(10_000)] = 0
    edge_coherence: Annotated[float, Ge(0), Le(1)] = 0.0
    """Share of the image's edges that are edges of the depth map too."""

    __pydantic_config__ = _STRICT


@dataclass(slots=True)
class Evidence:
    """What a phone says of how a photo was made. Every part is optional: not every phone has every sensor."""

    software: Text | None = None
    assertion: Assertion | None = None
    depth: Depth | None = None

    __pydantic_config__ = _STRICT


@dataclass(slots=True)
class Device:
    """A phone: a row of ``devices``."""

    id: UUID
    attestation_level: str
    attestation_key_id: str
    attestation_chain: bytes | None
    platform: str
    model: str
    has_lidar: bool
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(slots=True)
class Registration(Device):
    """A device that was registered, or that was known and seen again."""

    created: bool
    """True the first time."""


@dataclass(slots=True)
class Capture:
    """A photo: a row of ``captures``."""

    id: UUID
    device_id: UUID
    target_media_hash: bytes
    """SHA-256 of the photo's bytes, 32 bytes."""
    depth_map_key: str | None
    evidence: Evidence
    confidence_level: str
    status: str
    captured_at: datetime
    uploaded_at: datetime


@dataclass(slots=True)
class Match:
    """A photo that is known, with the device that took it."""

    capture_id: UUID
    evidence: Evidence
    confidence_level: str
    status: str
    captured_at: datetime
    uploaded_at: datetime
    platform: str
    model: str
    has_lidar: bool
    attestation_level: str


@dataclass(slots=True)
class VerificationLog:
    """A question whether a photo is known: a row of ``verification_logs``."""

    id: UUID
    capture_id: UUID | None
    action: str
    client_ip: IPv4Address | IPv6Address | None
    user_agent: str | None
    created_at: datetime


def to_json(row: Device | Capture | Match | VerificationLog | Evidence) -> bytes:
    """A row as JSON: UUIDs and addresses as text, times in ISO 8601, bytes in base64."""
    return msgspec.json.encode(row, enc_hook=_address_text)


def _address_text(value: Any) -> str:
    if isinstance(value, (IPv4Address, IPv6Address)):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")
