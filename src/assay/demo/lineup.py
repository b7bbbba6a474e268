"""The backends that the demo shows, in this order: another one is another line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backend:
    """One of the services in ``backends``."""

    folder: str
    name: str
    about: str
    """What it is, and what to look at."""


FIRST = Backend("realitycam", "RealityCam", "phones register photos, and anyone asks whether one is known")
"""Shown at length."""

OTHERS = (
    Backend("basic_api", "Basic API", "users over REST, the first backend of every team"),
    Backend("sentinel", "Sentinel", "simulations and prover runs of Move contracts, for whoever has an API key"),
    Backend("formaops", "FormaOps", "prompts in production: published, run by workers that share a queue, validated"),
    Backend("erc8004", "erc8004", "agents' events on several chains, matched by a worker against users' triggers"),
)
"""Shown in brief."""
