"""How long a thread bears silence, by the statement_timeout that its session is given."""

from __future__ import annotations

import pytest

from assay.config import DatabaseUrl
from assay.runtime.sync.patience import GRACE, patience_of

PLAIN = DatabaseUrl.parse("postgresql://db.example/app")


@pytest.mark.parametrize(
    ("setting", "seconds"),
    [("2s", 2), ("1500ms", 1.5), ("2500", 2.5), ("1.5 min", 90), (" 1h ", 3600), ("1d", 86400), ("500us", 0.0005)],
)
def test_patience_is_the_timeout_and_some_seconds(setting: str, seconds: float) -> None:
    assert patience_of(PLAIN, {"Statement_Timeout": setting}) == pytest.approx(seconds + GRACE)


def test_timeout_in_the_url_counts_too() -> None:
    url = DatabaseUrl.parse("postgresql://db.example/app?statement_timeout=3s")
    assert patience_of(url, None) == 3 + GRACE
    assert patience_of(url, {"statement_timeout": "1s"}) == 1 + GRACE


@pytest.mark.parametrize("setting", ["0", "0s", "soon", "5 parsecs", ""])
def test_no_timeout_is_endless_patience(setting: str) -> None:
    assert patience_of(PLAIN, {"statement_timeout": setting}) is None
    assert patience_of(PLAIN, None) is None
