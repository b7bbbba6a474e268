"""Which member is the primary, which replicas may answer, and how far behind they are: decided from what was seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ConfigurationError, UsageError
from assay.runtime.dynamic import query_for
from assay.runtime.query import Query
from assay.runtime.replicas.lag import History
from assay.runtime.replicas.options import Replicas, read_replicas
from assay.runtime.replicas.position import Position, end_of_record
from assay.runtime.replicas.proven import Proven, ReadOnlySet, encode, find, hash_of, read
from assay.runtime.replicas.sighting import Ledger, Sighting
from assay.runtime.replicas.topology import Bounds, Role, Topology, decide

SYSTEM = 7
NO_LEDGER = Ledger()
BOUNDS = Bounds(max_lag=10.0, max_lag_bytes=None, migrations="")


def primary(timeline: int = 1, lsn: int = 100, system: int = SYSTEM) -> Sighting:
    return Sighting(system, False, timeline, lsn)


def replica(timeline: int = 1, lsn: int = 100, system: int = SYSTEM, ledger: Ledger = NO_LEDGER) -> Sighting:
    return Sighting(system, True, timeline, lsn, ledger)


def after(*looks: tuple[Sighting | str, ...], bounds: Bounds = BOUNDS) -> Topology:
    """The topology after looks a second apart."""
    topology, history = Topology(), History()
    for second, seen in enumerate(looks):
        topology = decide(topology, seen, history, float(second), bounds)
    return topology


def roles(topology: Topology) -> list[Role]:
    return [standing.role for standing in topology.standings]


# --- the primary


def test_primary_is_the_member_that_is_not_in_recovery() -> None:
    assert after((primary(), replica())).primary == 0
    assert after((replica(), primary(), replica())).primary == 1


def test_no_primary_while_all_are_in_recovery() -> None:
    topology = after((replica(), replica()))
    assert topology.primary is None
    assert topology.standings[0].reason == "is in recovery, and no primary was seen that it could be a replica of"


def test_promoted_replica_is_the_primary_and_the_old_one_is_stale() -> None:
    topology = after((primary(), replica()), (primary(1, 999), primary(2, 101)))
    assert (topology.primary, topology.timeline) == (1, 2)
    assert roles(topology) == [Role.STALE, Role.PRIMARY]
    assert "an old primary, on timeline 1 where 2 is the latest" in topology.standings[0].reason


def test_old_primary_alone_is_not_taken_for_the_primary() -> None:
    topology = after((primary(), replica()), ("is away", primary(2)), (primary(1), "is away"))
    assert topology.primary is None
    assert roles(topology) == [Role.STALE, Role.UNREACHABLE]


def test_old_primary_is_found_out_by_a_replica_of_the_new_one() -> None:
    topology = after((primary(1), replica(2)))
    assert topology.primary is None
    assert roles(topology) == [Role.STALE, Role.BEHIND]


def test_of_two_primaries_on_one_timeline_the_known_one_stays() -> None:
    topology = after((primary(), replica()), (primary(), primary()))
    assert topology.primary == 0
    assert "a second primary on timeline 1" in topology.standings[1].reason


def test_of_two_primaries_on_one_timeline_none_is_chosen_at_first() -> None:
    topology = after((primary(), primary()))
    assert topology.primary is None
    assert roles(topology) == [Role.STALE, Role.STALE]


def test_primary_that_does_not_answer_leaves_no_primary_and_is_it_again_when_it_does() -> None:
    assert after((primary(), replica()), ("is away", replica())).primary is None
    assert after((primary(), replica()), ("is away", replica()), (primary(), replica())).primary == 0


SEEN = st.one_of(
    st.just("is away"),
    st.builds(Sighting, st.sampled_from([7, 8]), st.booleans(), st.integers(1, 4), st.integers(0, 200)),
)
LOOKS = st.lists(st.tuples(SEEN, SEEN, SEEN), min_size=1, max_size=6)


@given(LOOKS)
def test_primary_is_always_on_the_latest_timeline_ever_seen(looks: list[tuple[Sighting | str, ...]]) -> None:
    topology, history, latest = Topology(), History(), 0
    for second, seen in enumerate(looks):
        topology = decide(topology, seen, history, float(second), BOUNDS)
        ours = [one for one in seen if isinstance(one, Sighting) and one.system == topology.system]
        latest = max((latest, *(one.timeline for one in ours)))
        assert topology.timeline == latest
        if topology.primary is not None:
            one = seen[topology.primary]
            assert isinstance(one, Sighting)
            assert (one.in_recovery, one.timeline, one.system) == (False, latest, topology.system)


@given(LOOKS)
def test_replicas_that_answer_are_of_the_primarys_system_and_timeline(looks: list[tuple[Sighting | str, ...]]) -> None:
    topology = after(*looks)
    for standing, one in zip(topology.standings, looks[-1], strict=True):
        if standing.role is Role.REPLICA:
            assert isinstance(one, Sighting)
            assert (one.in_recovery, one.timeline, one.system) == (True, topology.timeline, topology.system)
            assert standing.lag_seconds is not None
            assert standing.lag_seconds <= 10.0


# --- replicas


def test_replica_of_another_system_is_foreign() -> None:
    topology = after((primary(), replica(system=8)))
    assert roles(topology) == [Role.PRIMARY, Role.FOREIGN]
    assert "its system identifier is 8, the primary's 7" in topology.standings[1].reason


def test_replica_that_was_not_seen_to_follow_a_promotion_is_stale() -> None:
    topology = after((primary(), replica(), replica()), ("is away", primary(2), replica(1, 500)))
    assert roles(topology)[2] is Role.STALE
    assert after((primary(), replica(), replica()), ("is away", primary(2, 600), replica(2, 600))).standings[
        2
    ].role is (Role.REPLICA)


def test_lag_is_the_time_since_the_primary_was_where_the_replica_is() -> None:
    topology = after(
        (primary(lsn=100), replica(lsn=100)), (primary(lsn=200), replica(lsn=150)), (primary(lsn=300), replica(lsn=150))
    )
    assert topology.standings[1].lag_seconds == 2.0
    assert topology.standings[1].lag_bytes == 150


def test_replica_of_a_primary_that_writes_nothing_is_not_behind() -> None:
    topology = after(*[(primary(), replica())] * 100)
    assert topology.standings[1].lag_seconds == 0.0


def test_lag_grows_while_the_primary_does_not_answer() -> None:
    topology = after((primary(), replica()), *[("is away", replica())] * 12)
    assert topology.standings[1].role is Role.BEHIND
    assert topology.standings[1].reason == "is 12 s behind, at 0/64; the bound is max_lag = 10 s"


def test_without_a_bound_a_replica_answers_however_far_behind() -> None:
    endless = Bounds(None, None, "")
    assert roles(after((primary(), replica(lsn=1)), bounds=endless))[1] is Role.REPLICA


def test_replica_that_has_come_nowhere_known_is_behind_an_unknown_time() -> None:
    topology = after((primary(lsn=100), replica(lsn=99)))
    assert topology.standings[1].lag_seconds is None
    assert topology.standings[1].reason.startswith("is an unknown time behind, at 0/63")


def test_bound_in_bytes() -> None:
    bounds = Bounds(None, 50, "")
    assert roles(after((primary(lsn=100), replica(lsn=50)), bounds=bounds))[1] is Role.REPLICA
    topology = after((primary(lsn=100), replica(lsn=49)), bounds=bounds)
    assert topology.standings[1].reason == "is 51 bytes of log behind; the bound is max_lag_bytes = 50"


def test_replica_with_other_migrations_than_the_proofs_is_not_asked() -> None:
    bounds = Bounds(None, None, "abc")
    assert roles(after((primary(), replica(ledger=Ledger("abc"))), bounds=bounds))[1] is Role.REPLICA
    assert (
        "has had other migrations"
        in after((primary(), replica(ledger=Ledger("abd"))), bounds=bounds).standings[1].reason
    )
    unread = Ledger(obstacle="a migration is not finished there")
    assert (
        "a migration is not finished there"
        in after((primary(), replica(ledger=unread)), bounds=bounds).standings[1].reason
    )


# --- positions


@given(st.integers(1, 2**31), st.integers(0, 2**63))
def test_positions_are_read_back_as_they_were_written(timeline: int, lsn: int) -> None:
    assert Position.parse(str(Position(timeline, lsn))) == Position(timeline, lsn)


@pytest.mark.parametrize("text", ["", "0/16B3748", "1:0/16B3748 ", "1:0/G", "-1:0/1", "x:0/1", "1:0/123456789"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a position in the write-ahead log; one looks like 1:0/16B3748"):
        Position.parse(text)


def test_later_timeline_is_the_greater_position() -> None:
    assert Position(2, 5) > Position(1, 9) > Position(1, 8)


PAGE, SEGMENT = 8192, 1 << 20


def pointer(byte: int, *, end: bool) -> int:
    """The place in the log of a byte of records, headers of pages left out: of the next record, or the last one's end.

    By the description in src/include/access/xlog_internal.h: 24 bytes before each page's records, 40 before those of a
    segment's first page.
    """
    usable = SEGMENT // PAGE * (PAGE - 24) - 16
    segment, left = divmod(byte, usable)
    first = PAGE - 40
    if left < first or (end and left == first):
        place = (0 if end and left == 0 else 40) + left
    else:
        page, rest = divmod(left - first, PAGE - 24)
        at_end = end and rest == 0
        place = PAGE * (page + 1) + (0 if at_end else 24 + rest)
    return segment * SEGMENT + place


@given(st.integers(0, 40), st.integers(-60, 60), st.integers(0, 3))
def test_end_of_the_last_record_is_told_from_where_the_next_begins(page: int, around: int, segment: int) -> None:
    byte = max(0, segment * (SEGMENT // PAGE * (PAGE - 24) - 16) + (PAGE - 40) + page * (PAGE - 24) + around)
    assert end_of_record(pointer(byte, end=False), PAGE, SEGMENT) == pointer(byte, end=True)


# --- history


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), max_size=30), st.integers(0, 60))
def test_reached_time_is_one_at_which_the_log_was_no_longer(steps: list[tuple[int, int]], lsn: int) -> None:
    history, place, when = History(), 0, 0.0
    ends: list[tuple[int, float]] = []
    for step, wait in steps:
        place, when = place + step, when + wait
        history.note(1, place, when)
        ends.append((place, when))
    reached = history.reached(lsn)
    times = [time for end, time in ends if end <= lsn]
    assert reached == (max(times) if times else None)


def test_new_timeline_begins_a_new_history() -> None:
    history = History()
    history.note(1, 100, 1.0)
    history.note(2, 50, 2.0)
    assert (history.latest, history.reached(100), history.reached(49)) == (50, 2.0, None)


# --- statements proven read-only

ONE, OTHER = "select 1", "select 2"


def query(sql: str) -> Query:
    found = query_for(sql)
    assert isinstance(found, Query)
    return found


def test_list_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_bytes(encode("f" * 64, [OTHER, ONE, ONE]))
    assert read(tmp_path / "list.json") == ReadOnlySet("f" * 64, frozenset({hash_of(ONE), hash_of(OTHER)}))


def test_statements_are_known_by_their_text_as_sent() -> None:
    proven = Proven(ReadOnlySet("", frozenset({hash_of("select $1::int")})))
    assert proven[query("select :n::int")]
    assert proven[query("select $1::int")]
    assert not proven[query("select $1::int ")]


def test_refuted_statement_stays_refuted_also_when_it_is_parsed_anew() -> None:
    proven = Proven(ReadOnlySet("", frozenset({hash_of(ONE)})))
    known = query(ONE)
    assert proven[known]
    proven.refute(known)
    assert not proven[known]
    query_for.cache_clear()
    assert not proven[query(ONE)]


def test_nothing_is_proven_without_a_list() -> None:
    assert not Proven(None)[query(ONE)]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"migrations": 1, "read_only": []}', '{"migrations": ""}'])
def test_damaged_list_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "read-only.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"read-only\.json is not a list of .*; run assay prepare"):
        read(path)


def test_list_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json cannot be read \(No such file or directory\)"):
        read(tmp_path / "none.json")


def test_list_of_the_nearest_folder_above_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    (inner / "c").mkdir(parents=True)
    assert find(inner) is None
    for folder in (tmp_path, inner):
        (folder / ".assay").mkdir()
        (folder / ".assay" / "read-only.json").write_bytes(encode("", []))
        assert find(inner / "c") == folder / ".assay" / "read-only.json"


# --- options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"urls": []}, "with at least one in it"),
        ({"urls": "postgresql://a/b"}, "takes a list of URLs"),
        ({"urls": ["x"], "check_every": 0}, "check_every is 0; it must be more than 0 seconds"),
        ({"urls": ["x"], "max_lag": 1.0}, "max_lag is 1 and check_every 1; a replica can be held"),
        ({"urls": ["x"], "max_lag_bytes": -1}, "max_lag_bytes is -1; it must be 0 or more"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Replicas(**options)  # type: ignore[arg-type]  # that is what is tested


def test_urls_alone_have_the_other_options_defaults() -> None:
    assert read_replicas(["a", "b"]) == Replicas(("a", "b"))
