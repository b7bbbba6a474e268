"""Diagrams: where boxes and lines are, on any schema, and what is written of them."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.schema.erd.diagram import diagram_of, named_tables
from assay.schema.erd.geometry import Ends, Layout, Size
from assay.schema.erd.layering import layers_of, oriented
from assay.schema.erd.layout import components, lay_out, simplified
from assay.schema.erd.mermaid import mermaid, short_type
from assay.schema.erd.metrics import shortened, text_width
from assay.schema.erd.svg import box_size, draw
from assay.schema.structure.model import Column, ForeignKey, Key, Relation, Structure


def column(name: str, type_: str = "bigint", *, not_null: bool = True, comment: str = "") -> Column:
    return Column(name, f'"{name}"', type_, type_, not_null, comment=comment)


def table(name: str, *parents: str, optional: bool = False, extra: int = 2, comment: str = "") -> Relation:
    """A table with an id, a reference to each parent, and some more columns."""
    columns = [column("id")]
    columns += [column(f"{parent}_id", not_null=not optional) for parent in parents]
    columns += [column(f"column_{number}", "text", not_null=False) for number in range(extra)]
    return Relation(
        "public", name, name, f"public.{name}", "table", True, tuple(columns), (Key(f"{name}_pkey", ("id",), True),),
        tuple(ForeignKey(f"{name}_{parent}", (f"{parent}_id",), ("public", parent), ("id",)) for parent in parents),
        comment=comment,
    )  # fmt: skip


@st.composite
def schemas(draw) -> Structure:
    """Tables that refer to one another in any way: in cycles, to themselves, many to one."""
    count = draw(st.integers(1, 14))
    names = [f"t{number}" for number in range(count)]
    return Structure(
        tuple(
            table(
                name,
                *draw(st.lists(st.sampled_from(names), max_size=3, unique=True)),
                optional=draw(st.booleans()),
                extra=draw(st.integers(0, 8)),
            )
            for name in names
        )
    )


def placed(structure: Structure) -> tuple[Layout, list[Size]]:
    diagram = diagram_of(structure)
    sizes = [box_size(box) for box in diagram.boxes]
    heights = [(link.child_row, link.parent_row) for link in diagram.links]
    ends = [
        Ends(link.child, link.parent, 43.0 + 20 * child, 43.0 + 20 * parent)
        for link, (child, parent) in zip(diagram.links, heights, strict=True)
    ]
    return lay_out(sizes, ends), sizes


@settings(max_examples=150)
@given(schemas())
def test_boxes_do_not_overlap(structure: Structure) -> None:
    layout, sizes = placed(structure)
    boxes = [(x, y, x + size.width, y + size.height) for (x, y), size in zip(layout.corners, sizes, strict=True)]
    for index, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert top >= 0
        assert right <= layout.width
        assert bottom <= layout.height
        for other_left, other_top, other_right, other_bottom in boxes[:index]:
            assert right < other_left or other_right < left or bottom < other_top or other_bottom < top


@settings(max_examples=150)
@given(schemas())
def test_no_line_crosses_a_box(structure: Structure) -> None:
    layout, sizes = placed(structure)
    for path in layout.paths:
        for (x1, y1), (x2, y2) in pairwise(path):
            for (left, top), size in zip(layout.corners, sizes, strict=True):
                apart_x = max(x1, x2) <= left or min(x1, x2) >= left + size.width
                apart_y = max(y1, y2) <= top or min(y1, y2) >= top + size.height
                assert apart_x or apart_y


@settings(max_examples=100)
@given(schemas())
def test_each_line_joins_its_rows_by_level_and_upright_pieces(structure: Structure) -> None:
    layout, sizes = placed(structure)
    for link, path in zip(diagram_of(structure).links, layout.paths, strict=True):
        for end, box, row in ((path[0], link.child, link.child_row), (path[-1], link.parent, link.parent_row)):
            x, y = layout.corners[box]
            assert end[0] in (x, x + sizes[box].width)
            assert end[1] == y + 43 + 20 * row
        assert all(one[0] == other[0] or one[1] == other[1] for one, other in pairwise(path))
        assert len(path) >= 2
        assert path[0][1] == path[1][1]
        assert path[-1][1] == path[-2][1]


@settings(max_examples=40)
@given(schemas())
def test_the_same_schema_gives_the_same_picture_of_well_formed_xml(structure: Structure) -> None:
    picture = draw(diagram_of(structure), title="t")
    assert picture == draw(diagram_of(structure), title="t")
    root = ElementTree.fromstring(picture.svg)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}text[@class='erd-title']")) == len(structure.relations)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_arcs_lead_to_later_layers(arcs: list[tuple[int, int]]) -> None:
    nodes = list(range(10))
    forward = oriented(nodes, arcs)
    layer = layers_of(nodes, forward, dict.fromkeys(nodes, 100.0), 250.0)
    assert all(layer[start] < layer[end] for start, end in forward)
    assert all(list(layer.values()).count(at) <= 2 for at in layer.values()), "no layer is higher than it may be"


def test_sixty_tables_are_wider_than_high_and_not_by_much() -> None:
    tables = [table(f"t{number}", *([f"t{number // 3}"] if number % 7 else [])) for number in range(60)]
    layout, _ = placed(Structure(tuple(tables)))
    assert 0.8 < layout.width / layout.height < 3


def test_groups_that_nothing_connects_are_apart() -> None:
    assert components(5, [Ends(0, 3, 0, 0), Ends(4, 3, 0, 0)]) == [[0, 3, 4], [1], [2]]


def test_an_empty_schema_has_an_empty_picture() -> None:
    assert draw(diagram_of(Structure(())), title="nothing").svg.startswith("<svg")
    assert mermaid(diagram_of(Structure(()))) == "erDiagram\n"


def test_corners_that_are_none_are_left_out() -> None:
    assert simplified([(0, 0), (5, 0), (5, 0), (9, 0), (9, 4)]) == ((0, 0), (9, 0), (9, 4))


def test_a_line_ends_in_a_crows_foot_or_a_bar() -> None:
    def ends(structure: Structure) -> list[str]:
        root = ElementTree.fromstring(draw(diagram_of(structure), title="t").svg)
        return [
            str(part.get("d"))
            for part in root.iter("{http://www.w3.org/2000/svg}path")
            if part.get("class") == "erd-end"
        ]

    parent, child = table("a"), table("b", "a")
    (many,) = ends(Structure((parent, child)))
    unique = Relation(
        *(getattr(child, name) for name in ("schema", "name", "quoted", "identity", "kind", "visible", "columns")),
        (*child.keys, Key("one", ("a_id",), False)), child.foreign_keys,
    )  # fmt: skip
    (one,) = ends(Structure((parent, unique)))
    assert many.count("L") == one.count("L") + 1, "a crow's foot has one stroke more than a bar"
    (loose,) = ends(Structure((parent, table("b", "a", optional=True))))
    assert loose.count("a4 4") == many.count("a4 4") + 2, "a ring says that there need be no parent"


def test_hostile_names_are_no_markup() -> None:
    evil = '<script>alert("1")</script>&\x00\x07'
    structure = Structure((table(evil, evil, comment=evil),))
    svg = draw(diagram_of(structure), title=evil, address=lambda box: f'x"><b>{box.title}').svg
    ElementTree.fromstring(svg)
    assert "<script" not in svg
    assert "<b>" not in svg
    text = mermaid(diagram_of(structure))
    assert "<" not in text
    assert '"1"' not in text


def test_columns_can_be_left_out() -> None:
    structure = Structure((table("a"), table("b", "a", extra=3)))
    keys = diagram_of(structure, detail="keys")
    assert [[row.name for row in box.rows] for box in keys.boxes] == [["id"], ["id", "a_id"]]
    assert "3 more columns" in draw(keys, title="t").svg
    none = diagram_of(structure, detail="none")
    assert [(box.rows, box.hidden) for box in none.boxes] == [((), 3), ((), 5)]
    assert [(link.child_row, link.parent_row) for link in none.links] == [(-1, -1)]


def test_one_table_is_shown_with_those_it_has_to_do_with() -> None:
    structure = Structure((table("a"), table("b", "a"), table("c", "b"), table("d", "c", "a")))
    shown = diagram_of(structure, only=named_tables(structure, ["b"]))
    assert [box.title for box in shown.boxes] == ["a", "b", "c"]
    assert [(link.child, link.parent) for link in shown.links] == [(1, 0), (2, 1)]


def test_mermaid_has_keys_types_and_how_many() -> None:
    text = mermaid(diagram_of(Structure((table("a", extra=0), table("b", "a", optional=True, extra=1), table("end")))))
    assert text.splitlines()[:9] == [
        "erDiagram",
        "    a {",
        "        bigint id PK",
        "    }",
        "    b {",
        "        bigint id PK",
        '        bigint a_id FK "null"',
        '        text column_0 "null"',
        "    }",
    ]
    assert '    x_end["end"] {\n' in text
    assert text.splitlines()[-1] == '    b }o--o| a : "a_id"'


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("timestamp with time zone", "timestamptz"), ("timestamp(3) without time zone", "timestamp(3)"),
        ("character varying(20)", "varchar(20)"), ("character(3)", "char(3)"), ("numeric(10,2)", "numeric(10,2)"),
    ],
)  # fmt: skip
def test_types_go_by_their_short_names(name: str, short: str) -> None:
    assert short_type(name) == short


def test_text_is_cut_to_its_room() -> None:
    assert shortened("abc", 100, 12) == "abc"
    cut = shortened("a" * 100, 100, 12)
    assert cut.endswith("…")
    assert text_width(cut, 12) <= 100
    assert text_width("日本", 12) > text_width("ab", 12)
