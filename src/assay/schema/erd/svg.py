"""A diagram as SVG: boxes with their columns, and lines with crow's feet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from assay.schema.erd.geometry import Ends, Point, Size
from assay.schema.erd.layout import lay_out
from assay.schema.erd.mermaid import short_type
from assay.schema.erd.metrics import shortened, text_width
from assay.schema.erd.model import Box, Diagram, Link, Row
from assay.wording import counted

_TITLE, _ROW, _PAD = 30.0, 20.0, 10.0
_TITLE_SIZE, _ROW_SIZE, _MARK_SIZE = 13.0, 12.0, 9.0
_MARKS = 24.0
"""The width for each row's mark."""
_LEAST, _MOST = 130.0, 340.0
"""How narrow and how wide a box can be."""
_EDGE = 16.0
"""Around the picture."""
_ROUND = 6.0
"""The radius of the corners of lines."""

Address = Callable[[Box], str]
"""Where a table's box leads to; an empty text for nowhere."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A diagram drawn."""

    svg: str
    width: float
    height: float


def draw(
    diagram: Diagram,
    *,
    title: str,
    address: Address | None = None,
    standalone: bool = True,
    marked: tuple[str, str] | None = None,
) -> Picture:
    """The picture of a diagram, the same bytes for the same diagram.

    Args:
        diagram: what is shown.
        title: of the picture, for those who cannot see it.
        address: where a table's box leads to.
        standalone: whether it is a file of its own, with its style in it; else it is a part of a page that has that.
        marked: the schema and name of a table that stands out.
    """
    sizes = [box_size(box) for box in diagram.boxes]
    layout = lay_out(sizes, [_ends(link) for link in diagram.links])
    width, height = layout.width + 2 * _EDGE, layout.height + 2 * _EDGE
    required = {layout.paths[index][-1] for index, link in enumerate(diagram.links) if not link.optional}
    lines = [
        *_opening(title, width, height, standalone=standalone),
        f'<g transform="translate({_number(_EDGE)} {_number(_EDGE)})">',
        *(
            part
            for index, link in enumerate(diagram.links)
            for part in _link(diagram, link, layout.paths[index], required)
        ),
        *(
            part
            for index, box in enumerate(diagram.boxes)
            for part in _box(box, sizes[index], layout.corners[index], address, " erd-marked" * (box.address == marked))
        ),
        "</g>",
        "</svg>",
    ]
    return Picture("\n".join(lines) + "\n", width, height)


@cache
def style() -> str:
    """The style sheet of pictures."""
    return files("assay.schema.erd").joinpath("erd.css").read_text(encoding="utf-8")


def _opening(title: str, width: float, height: float, *, standalone: bool) -> Iterator[str]:
    size = f'viewBox="0 0 {_number(width)} {_number(height)}" width="{_number(width)}" height="{_number(height)}"'
    space = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
    role = "img" if standalone else "group"  # what is in an image is hidden from who cannot see it, and so are links
    yield f'<svg{space} class="erd" {size} role="{role}" aria-label="{_escaped(title)}">'
    if standalone:
        yield f"<title>{_escaped(title)}</title>"
        yield f"<style>\n{style()}</style>"
        yield '<rect class="erd-ground" width="100%" height="100%"/>'


# --- boxes


def box_size(box: Box) -> Size:
    """How large a table's box is."""
    rows = [_MARKS + text_width(row.name, _ROW_SIZE) + 24 + text_width(_type_text(row), _ROW_SIZE) for row in box.rows]
    widest = max([text_width(box.title, _TITLE_SIZE, bold=True), *rows, text_width(_more(box), _ROW_SIZE)])
    width = min(max(widest + 2 * _PAD, _LEAST), _MOST)
    count = len(box.rows) + (1 if box.hidden else 0)
    return Size(float(round(width)), _TITLE + count * _ROW + (6 if count else 0))


def _row_middle(row: int) -> float:
    """How far below the upper edge of its box the middle of a row is; of the title, for -1."""
    return _TITLE / 2 if row < 0 else _TITLE + 3 + row * _ROW + _ROW / 2


def _ends(link: Link) -> Ends:
    return Ends(link.child, link.parent, _row_middle(link.child_row), _row_middle(link.parent_row))


def _type_text(row: Row) -> str:
    return short_type(row.type) + ("?" if row.nullable else "")


def _more(box: Box) -> str:
    return counted(box.hidden, "more column") if box.hidden else ""


def _box(box: Box, size: Size, corner: Point, address: Address | None, more: str) -> Iterator[str]:
    href = address(box) if address is not None else ""
    name = _escaped(".".join(box.address))
    tag = f'a href="{_escaped(href)}"' if href else "g"
    place = f'transform="translate({_number(corner[0])} {_number(corner[1])})"'
    kind = "" if box.kind == "table" else f" erd-{box.kind.partition(' ')[0]}"
    yield f'<{tag} class="erd-table{kind}{more}" data-table="{name}" {place}>'
    yield f"<title>{_escaped(_tip(box))}</title>"
    yield f'<rect class="erd-box" width="{_number(size.width)}" height="{_number(size.height)}" rx="6"/>'
    yield f'<path class="erd-head" d="{_head_path(size, len(box.rows) + bool(box.hidden))}"/>'
    text = shortened(box.title, size.width - 2 * _PAD, _TITLE_SIZE, bold=True)
    yield f'<text class="erd-title" x="{_number(_PAD)}" y="{_number(_TITLE / 2 + 4.5)}">{_escaped(text)}</text>'
    for index, row in enumerate(box.rows):
        yield from _row(row, size.width, _row_middle(index) + 4)
    if box.hidden:
        y = _row_middle(len(box.rows)) + 4
        yield f'<text class="erd-more" x="{_number(_PAD)}" y="{_number(y)}">{_more(box)}</text>'
    yield f"</{tag.partition(' ')[0]}>"


def _tip(box: Box) -> str:
    kind = "" if box.kind == "table" else f" ({box.kind})"
    return box.title + kind + (f": {box.comment}" if box.comment.strip() else "")


def _head_path(size: Size, rows: int) -> str:
    """The ground of the title: round at the top, and below too where no rows follow."""
    across, down = size.width - 12, _TITLE - 6
    top = f"M0 {_number(_TITLE)}V6a6 6 0 0 1 6-6h{_number(across)}a6 6 0 0 1 6 6V{_number(_TITLE)}H0z"
    pill = f"M0 6a6 6 0 0 1 6-6h{_number(across)}a6 6 0 0 1 6 6v{_number(down - 6)}a6 6 0 0 1-6 6h{_number(-across)}"
    return top if rows else f"{pill}a6 6 0 0 1-6-6z"


def _row(row: Row, width: float, y: float) -> Iterator[str]:
    kind = _type_text(row)
    room = width - 2 * _PAD - _MARKS - 12
    kind_room = min(text_width(kind, _ROW_SIZE), max(room - text_width(row.name, _ROW_SIZE), room * 0.4))
    name_room = room - kind_room
    mark = next(iter(row.marks), "")
    if mark:
        yield (f'<text class="erd-mark erd-{mark.lower()}" x="{_number(_PAD)}" y="{_number(y - 0.5)}">{mark}</text>')
    bold = " erd-key" if "PK" in row.marks else ""
    name = shortened(row.name, name_room, _ROW_SIZE)
    tip = f"<title>{_escaped(_row_tip(row))}</title>"
    yield f'<text class="erd-name{bold}" x="{_number(_PAD + _MARKS)}" y="{_number(y)}">{_escaped(name)}{tip}</text>'
    shown = _escaped(shortened(kind, kind_room, _ROW_SIZE))
    yield f'<text class="erd-type" x="{_number(width - _PAD)}" y="{_number(y)}">{shown}</text>'


def _row_tip(row: Row) -> str:
    null = "may be NULL" if row.nullable else "NOT NULL"
    marks = f", {', '.join(row.marks)}" if row.marks else ""
    return f"{row.name} {row.type}, {null}{marks}" + (f": {row.comment}" if row.comment.strip() else "")


# --- lines


def _link(diagram: Diagram, link: Link, path: Sequence[Point], required: Collection[Point]) -> Iterator[str]:
    child, parent = diagram.boxes[link.child], diagram.boxes[link.parent]
    names = f'data-child="{_escaped(".".join(child.address))}" data-parent="{_escaped(".".join(parent.address))}"'
    optional = " erd-optional" if link.optional else ""
    yield f'<g class="erd-link{optional}" {names}>'
    said = f"{child.title} ({', '.join(link.columns)}) refers to {parent.title}"
    yield f"<title>{_escaped(said)}</title>"
    yield f'<path class="erd-line" d="{_line_path(path)}"/>'
    yield f'<path class="erd-end" d="{_child_end(path, link)}{_parent_end(path, required)}"/>'
    yield "</g>"


def _line_path(points: Sequence[Point]) -> str:
    """A line with rounded corners."""
    parts = [f"M{_pair(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
        parts.append(
            f"L{_pair(_towards(corner, before, radius))}Q{_pair(corner)} {_pair(_towards(corner, after, radius))}"
        )
    return "".join([*parts, f"L{_pair(points[-1])}"])


def _child_end(path: Sequence[Point], link: Link) -> str:
    """A crow's foot where many rows can refer to one, a bar where one can; and a ring, for none may."""
    (x, y), sign = path[0], _side(path[0], path[1])
    foot = f"M{_pair((x + sign * 11, y))}L{_pair((x, y - 5.5))}M{_pair((x + sign * 11, y))}L{_pair((x, y + 5.5))}"
    return (foot if link.many else _bar(x + sign * 7, y)) + _ring(x + sign * 15, y)


def _parent_end(path: Sequence[Point], required: Collection[Point]) -> str:
    """A bar for the one row that is referred to; and another, or a ring where no line that ends here needs one."""
    (x, y), sign = path[-1], _side(path[-1], path[-2])
    return _bar(x + sign * 7, y) + (_bar(x + sign * 11, y) if path[-1] in required else _ring(x + sign * 15, y))


def _side(end: Point, before: Point) -> int:
    """Whether a line comes to its end from the right, 1, or from the left, -1."""
    return 1 if before[0] > end[0] else -1


def _bar(x: float, y: float) -> str:
    return f"M{_pair((x, y - 5))}L{_pair((x, y + 5))}"


def _ring(x: float, y: float) -> str:
    return f"M{_pair((x - 4, y))}a4 4 0 1 0 8 0a4 4 0 1 0-8 0"


def _length(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = _length(start, end) or 1.0
    return (
        start[0] + (end[0] - start[0]) / length * distance,
        start[1] + (end[1] - start[1]) / length * distance,
    )


# --- text


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """With at most one digit after the point, and none where it is not needed."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def _escaped(text: str) -> str:
    """A text for XML, without the characters that it cannot hold."""
    kept = "".join(one if one.isprintable() or one in " \n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
    return escape(kept, quote=True)
