"""How wide text is, without a font: the widths of a wide sans serif, so that narrower ones fit as well.

Widths are in thousandths of the size of the font, rounded up from those of DejaVu Sans.
"""

from __future__ import annotations

import unicodedata

_WIDTHS = {
    "ijlI|'.,:;!": 350, "fr()[]{}/\\\"` t-": 420, "csvxyzk?L": 590, "abdeghnopquTF1234567890_EJSPZXYRK": 660,
    "ABCDVUNGHOQ&$": 790, "wm%MW@": 990, "<>=+*~^#": 840,
}  # fmt: skip
_BY_CHARACTER = {character: width for characters, width in _WIDTHS.items() for character in characters}


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text in pixels, rather too much than too little."""
    units = sum(_BY_CHARACTER.get(character) or _other(character) for character in text)
    return units * size / 1000 * (1.08 if bold else 1.0)


def _other(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 1050 if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF else 700


def shortened(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """As much of a text as fits into a width, with an ellipsis where that is not all of it."""
    if text_width(text, size, bold=bold) <= width:
        return text
    while text and text_width(text + "…", size, bold=bold) > width:
        text = text[:-1]
    return text + "…"
