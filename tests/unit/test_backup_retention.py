"""What a policy keeps: the rules one by one, laws over any backups, and 120 days of a nightly run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.ops.backup.retention import Dated, Policy, State, decide

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)


def dated(
    name: str, *, days: float, state: State = State.COMPLETE, series: str = "app, all", now: datetime = NOW
) -> Dated:
    return Dated(name, now - timedelta(days=days), state, series)


def kept(backups: list[Dated], policy: Policy, now: datetime = NOW) -> set[str]:
    return {one.backup.id for one in decide(backups, policy, now) if one.keep}


def why(backups: list[Dated], policy: Policy) -> dict[str, str]:
    return {one.backup.id: one.why for one in decide(backups, policy, NOW)}


def test_what_is_older_than_the_days_goes_and_what_is_exactly_so_old_stays() -> None:
    backups = [dated("new", days=0), dated("edge", days=30), dated("old", days=30.001)]
    assert kept(backups, Policy(days=30)) == {"new", "edge"}


def test_the_newest_count_of_each_series_stay() -> None:
    backups = [dated(f"{series}{age}", days=age, series=series) for series in "ab" for age in range(5)]
    assert kept(backups, Policy(count=2)) == {"a0", "a1", "b0", "b1"}


def test_the_last_good_one_stays_however_old() -> None:
    backups = [dated("good", days=400), dated("corrupt", days=1, state=State.CORRUPT)]
    assert kept(backups, Policy(days=30, count=1)) == {"good", "corrupt"}
    assert why(backups, Policy(days=30))["good"] == "it is the last good one"


def test_each_series_keeps_its_own_last_good_one() -> None:
    backups = [dated("all", days=400), dated("schema", days=1, series="app, schema")]
    assert kept(backups, Policy(days=30)) == {"all", "schema"}


@pytest.mark.parametrize(("days", "stays"), [(0.9, True), (1.1, False)])
def test_what_was_never_finished_goes_after_a_day(days: float, stays: bool) -> None:
    assert (kept([dated("half", days=days, state=State.INCOMPLETE, series="")], Policy()) == {"half"}) is stays


def test_a_corrupt_one_goes_by_age_and_does_not_count() -> None:
    backups = [dated("c1", days=1, state=State.CORRUPT), dated("g2", days=2), dated("g3", days=3)]
    backups.append(dated("c40", days=40, state=State.CORRUPT))
    assert kept(backups, Policy(days=30, count=2)) == {"c1", "g2", "g3"}


def test_one_from_the_future_stays_and_is_not_taken_for_the_last_good_one() -> None:
    backups = [dated("ahead", days=-300), dated("good", days=100)]
    assert kept(backups, Policy(days=30, count=1)) == {"ahead", "good"}
    assert "is a clock wrong?" in why(backups, Policy(days=30))["ahead"]


def test_a_clock_that_is_a_little_behind_changes_nothing() -> None:
    backups = [dated("just", days=-0.01), dated("before", days=1)]
    assert kept(backups, Policy(count=1)) == {"just"}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(days=30), 31),
        (Policy(days=90), 91),
        (Policy(days=30, count=7), 7),
        (Policy(count=10), 10),
        (Policy(), 120),
    ],
)
def test_a_nightly_backup_over_120_days_keeps_exactly_what_the_policy_says(policy: Policy, expected: int) -> None:
    present: list[Dated] = []
    for night in range(120):
        now = NOW + timedelta(days=night)
        present.append(Dated(f"{night:03}", now, State.COMPLETE, "app, all"))
        stays = kept(present, policy, now)
        present = [one for one in present if one.id in stays]
        assert len(present) == min(night + 1, expected)
    assert [one.id for one in present] == [f"{night:03}" for night in range(120 - expected, 120)]


def test_when_backups_stop_the_last_good_one_is_left_in_the_end() -> None:
    present = [Dated(f"{night:03}", NOW + timedelta(days=night), State.COMPLETE, "app, all") for night in range(20)]
    for night in range(20, 120):
        stays = kept(present, Policy(days=30), NOW + timedelta(days=night))
        present = [one for one in present if one.id in stays]
    assert [one.id for one in present] == ["019"]


BACKUPS = st.lists(
    st.builds(
        Dated,
        st.uuids().map(str),
        st.floats(-100, 400).map(lambda days: NOW - timedelta(days=days)),
        st.sampled_from(State),
        st.sampled_from(["app, all", "app, schema", "shop, all"]),
    ),
    max_size=30,
)
POLICIES = st.builds(Policy, st.none() | st.integers(1, 200), st.none() | st.integers(1, 20))


@given(BACKUPS, POLICIES)
def test_every_series_with_a_good_backup_keeps_its_newest(backups: list[Dated], policy: Policy) -> None:
    stays = kept(backups, policy)
    good = [one for one in backups if one.state is State.COMPLETE and one.created <= NOW]
    for series in {one.series for one in good}:
        newest = max((one for one in good if one.series == series), key=lambda one: (one.created, one.id))
        assert newest.id in stays


@given(BACKUPS, POLICIES)
def test_a_second_run_removes_nothing_more(backups: list[Dated], policy: Policy) -> None:
    stays = kept(backups, policy)
    assert kept([one for one in backups if one.id in stays], policy) == stays


@given(BACKUPS, POLICIES)
def test_good_ones_within_both_limits_stay_and_others_but_the_last_go(backups: list[Dated], policy: Policy) -> None:
    stays = kept(backups, policy)
    for series in {one.series for one in backups}:
        good = sorted(
            (one for one in backups if one.series == series and one.state is State.COMPLETE and one.created <= NOW),
            key=lambda one: (one.created, one.id),
            reverse=True,
        )
        for place, one in enumerate(good):
            young = policy.days is None or NOW - one.created <= timedelta(days=policy.days)
            within = policy.count is None or place < policy.count
            assert (one.id in stays) == ((young and within) or place == 0)


@given(BACKUPS, POLICIES, st.integers(0, 1000))
def test_what_went_stays_gone_later(backups: list[Dated], policy: Policy, days: int) -> None:
    past = [one for one in backups if one.created <= NOW]
    assert kept(past, policy, NOW + timedelta(days=days)) <= kept(past, policy)
