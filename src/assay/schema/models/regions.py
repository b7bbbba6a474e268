"""The part of a file that is generated, between two marks; what stands around it is somebody else's.

The closing mark has a checksum of what is between them, so that an edit in there is noticed before it is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from assay.errors import UsageError

BEGIN = "# assay: generated from here on; what is changed by hand in here is lost"
_END = "# assay: end of what is generated"
_REGION = re.compile(rf"^{BEGIN}\n(?P<body>.*?)^{_END}(?:, sha256 (?P<checksum>[0-9a-f]+))?$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Region:
    """A file with a generated part."""

    before: str
    body: str
    after: str
    edited: bool
    """Whether the part is not as it was generated."""

    @property
    def bare(self) -> bool:
        """Whether there is nothing by hand around it but a docstring."""
        return not self.after.strip() and re.fullmatch(r'\s*("""[^"]*""")?\s*', self.before) is not None


def find_region(text: str) -> Region | None:
    """The generated part of a file, if it has one; line ends may be those of Windows."""
    match = _REGION.search(text.replace("\r\n", "\n"))
    if match is None:
        return None
    text = match.string
    checksum = match["checksum"]
    edited = _checksum(match["body"]) != checksum if checksum else bool(match["body"].strip())
    return Region(text[: match.start()], match["body"], text[match.end() :], edited)


def whole_file(body: str, old: Region | None, doc: str) -> str:
    """A file with its generated part; around it stays what there was, or a docstring where there was no file."""
    before, after = (old.before, old.after) if old is not None else (f'"""{doc}"""\n\n', "\n")
    body = f"{body}\n\n"
    return f"{before}{BEGIN}\n{body}{_END}, sha256 {_checksum(body)}{after}"


def refusal_of(name: str, text: str) -> UsageError | None:
    """Why a file that is there must not be written; None when it may."""
    region = find_region(text)
    if region is None and text.strip():
        return UsageError(
            f"{name} was not written by assay schema models; choose another --output, or put these two lines where the "
            f"generated part shall stand:\n{BEGIN}\n{_END}"
        )
    if region is not None and region.edited:
        return UsageError(
            f"{name} was changed by hand between its two marks, and that would be lost; move it below the end mark, "
            "or write over it with --force"
        )
    return None


def _checksum(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:16]
