"""When one index does all that another does: a partial order, and what it calls redundant can go together."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

from hypothesis import given
from hypothesis import strategies as st

from assay.schema.advice.covering import covers, redundant
from assay.schema.advice.indexes import finds
from assay.schema.advice.model import ForeignKey, Index, IndexKey

A, B, C = (IndexKey(number, name, 1976, 23) for number, name in enumerate("abc", 1))


def index(oid: int, *keys: IndexKey, **more: object) -> Index:
    return Index(oid, 1, "public", f"i{oid}", f"public.i{oid}", "btree", keys, **more)  # type: ignore[arg-type]


def down(key: IndexKey) -> IndexKey:
    return replace(key, descending=True, nulls_first=True)


@st.composite
def indexes(draw: st.DrawFn) -> list[Index]:
    """Indexes of one table, many of them alike."""
    flag = st.booleans()
    rare = st.sampled_from([False, False, False, True])
    found = []
    for oid in range(1, draw(st.integers(2, 7)) + 1):
        columns = draw(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=3, unique_by=lambda key: key.column))
        keys = tuple(down(key) if draw(rare) else key for key in columns)
        rest = [key for key in (A, B, C) if key.column not in {each.column for each in keys}]
        unique = draw(flag)
        constraint = f"c{oid}" if unique and draw(flag) else ""
        found.append(
            index(
                oid,
                *keys,
                includes=tuple(rest[:1]) if draw(rare) else (),
                predicate="(a > 0)" if draw(rare) else "",
                unique=unique,
                nulls_distinct=not (unique and draw(rare)),
                immediate=not (constraint and draw(rare)),
                constraint=constraint,
                primary=bool(constraint) and draw(rare),
                needed=draw(rare),
                valid=not draw(rare),
            )
        )
    return found


@given(indexes())
def test_covering_is_reflexive_and_transitive(found: list[Index]) -> None:
    assert all(covers(each, each) for each in found if each.valid)
    for one, two, three in permutations(found, 3):
        if covers(one, two) and covers(two, three):
            assert covers(one, three)


@given(indexes())
def test_what_is_redundant_can_all_be_dropped_since_what_is_kept_does_its_work(found: list[Index]) -> None:
    told = list(redundant(found))
    gone = {each.index.oid for each in told}
    assert len(gone) == len(told), "each is told once"
    for each in told:
        assert each.kept.oid not in gone
        assert covers(each.kept, each.index)
        assert each.index.droppable


@given(indexes())
def test_nothing_more_is_redundant_when_it_is_dropped(found: list[Index]) -> None:
    gone = {each.index.oid for each in redundant(found)}
    assert list(redundant([each for each in found if each.oid not in gone])) == []


@given(indexes(), st.randoms())
def test_the_order_in_which_indexes_are_read_does_not_matter(found: list[Index], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert {each.index.oid for each in redundant(found)} == {each.index.oid for each in redundant(shuffled)}


def named(*found: Index) -> list[tuple[int, int]]:
    return [(each.index.oid, each.kept.oid) for each in redundant(found)]


def test_of_copies_the_oldest_stays() -> None:
    assert named(index(3, A), index(1, A), index(2, A)) == [(3, 1), (2, 1)]


def test_the_index_of_a_constraint_stays() -> None:
    assert named(index(1, A), index(2, A, unique=True, constraint="c")) == [(1, 2)]


def test_a_unique_index_is_not_covered_by_one_that_is_not() -> None:
    assert named(index(1, A), index(2, A, unique=True)) == [(1, 2)]
    assert named(index(1, A, unique=True), index(2, A, B)) == []
    assert named(index(1, A, unique=True), index(2, A, B, unique=True)) == []


def test_the_beginning_of_a_unique_one_is_covered() -> None:
    assert named(index(1, A), index(2, A, B, unique=True)) == [(1, 2)]


def test_an_index_and_its_reverse_are_one() -> None:
    assert named(index(1, A, B), index(2, down(A), down(B))) == [(2, 1)]
    assert named(index(1, A, B), index(2, A, down(B))) == []
    assert named(index(1, A), index(2, replace(A, nulls_first=True))) == []


def test_the_end_of_an_index_is_not_covered() -> None:
    assert named(index(1, B), index(2, A, B)) == []


def test_what_differs_in_what_is_equal_or_in_which_rows_it_has_is_not_covered() -> None:
    others = (
        replace(A, collation=100),
        replace(A, family=2095),
        replace(A, options="siglen=8"),
        replace(A, column=0, text="lower(a)"),
    )
    for other in others:
        assert named(index(1, A), index(2, other)) == []
    assert named(index(1, A), index(2, A, predicate="(a > 0)")) == []
    assert named(index(1, A, predicate="(a > 0)"), index(2, A, B, predicate="(a > 0)")) == [(1, 2)]
    assert named(index(1, A), replace(index(2, A), table=2)) == []


def test_what_is_included_must_be_there_too() -> None:
    assert named(index(1, A, includes=(B,)), index(2, A, B)) == [(1, 2)]
    assert named(index(1, A, includes=(B,)), index(2, A)) == [(2, 1)]
    assert named(index(1, A, includes=(C,)), index(2, A, B)) == []


def test_other_methods_must_be_alike() -> None:
    pair = [replace(index(oid, A), method="hash") for oid in (1, 2)]
    assert named(*pair) == [(2, 1)]
    assert named(index(1, A, unique=True), pair[1]) == []
    longer = [replace(index(1, A), method="gin"), replace(index(2, A, B), method="gin")]
    assert named(*longer) == []
    fast = replace(longer[0], oid=3, storage=("fastupdate=off",))
    assert named(longer[0], fast) == []


def test_what_is_not_valid_covers_nothing() -> None:
    assert named(index(1, A), index(2, A, B, valid=False)) == []


def test_what_a_foreign_key_refers_to_is_not_redundant() -> None:
    assert named(index(1, A, unique=True, needed=True), index(2, A, unique=True, primary=True)) == []


def test_a_deferrable_constraint_is_covered_by_one_that_is_not_and_not_the_other_way() -> None:
    late = index(1, A, unique=True, immediate=False, constraint="late")
    assert named(late, index(2, A, unique=True)) == [(1, 2)]
    assert named(replace(late, needed=True), index(2, A, unique=True)) == []


REFERENCE = ForeignKey(
    "f", "f", (1, 2), 9, "public.t", "t", (1, 2), ("integer", "integer"), True, "aa",
    (frozenset({1976}), frozenset({1976})), (0, 0),
)  # fmt: skip


def test_an_index_finds_references_when_it_begins_with_their_columns_in_any_order() -> None:
    for keys in ((A, B), (B, A), (A, B, C), (B, A, C)):
        assert finds(index(1, *keys), REFERENCE)
    for keys in ((A,), (A, C, B), (C, A, B), (B, C)):
        assert not finds(index(1, *keys), REFERENCE)


def test_a_unique_index_on_some_of_the_columns_finds_references() -> None:
    assert finds(index(1, A, unique=True), REFERENCE)
    assert not finds(index(1, A, C, unique=True), REFERENCE)


def test_a_partial_index_finds_references_only_where_it_leaves_out_none() -> None:
    assert finds(index(1, A, B, predicate="(a IS NOT NULL)"), REFERENCE)
    assert not finds(index(1, A, B, predicate="(c IS NOT NULL)"), REFERENCE)
    assert not finds(index(1, A, B, predicate="(a > 0)"), REFERENCE)


def test_an_index_of_another_collation_or_operator_family_finds_no_references() -> None:
    for other in (replace(A, collation=100), replace(A, family=1)):
        assert not finds(index(1, other, B), REFERENCE)


def test_an_index_that_is_not_valid_finds_nothing() -> None:
    assert not finds(index(1, A, B, valid=False), REFERENCE)


def test_definitions_read_as_in_create_index() -> None:
    written = {
        keys: index(1, replace(A, descending=keys[0], nulls_first=keys[1])).definition
        for keys in product((False, True), repeat=2)
    }
    assert written == {
        (False, False): "btree (a)",
        (False, True): "btree (a nulls first)",
        (True, True): "btree (a desc)",
        (True, False): "btree (a desc nulls last)",
    }
