"""The rules of the tables, by the names of their constraints, in words for people."""

from __future__ import annotations

import assay

RULES = {
    "chk_cost_positive": "a cost is not below 0",
    "chk_latency_positive": "a latency is above 0",
    "chk_completion_order": "nothing is completed before it was started",
    "chk_version_positive": "versions count from 1",
    "chk_execution_status_logic": "what is PENDING was not started, what is RUNNING was started and not completed, "
    "and what is COMPLETED, FAILED or CANCELLED was both",
    "chk_published_timestamp": "what is PUBLISHED was published at some time",
}


def broken_rule(error: assay.CheckViolation) -> str:
    """Which rule a statement would have broken, by name and in words."""
    name = error.constraint or "a rule"
    return f"{name}: {RULES.get(name, error.message)}"
