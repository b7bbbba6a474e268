"""The rows of Basic API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class User:
    """Somebody who uses the service: a row of ``users``."""

    id: int
    name: str
    email: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class NewUser:
    """Somebody to be added."""

    name: str
    email: str
