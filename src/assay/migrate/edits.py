"""How a file differs from what was applied, told from checksums alone."""

from __future__ import annotations

from assay.migrate.files import BYTE_ORDER_MARK, checksum
from assay.migrate.model import Script


def describe_edit(script: Script, applied: bytes) -> str:
    """A sentence on a file whose checksum is not the one that was applied, and what to do about it.

    A difference in line endings or a byte order mark alone is recognised, by trying each form of the text.
    """
    was = _form_with(script, applied)
    if was is None:
        return (
            f"{script.path} was edited after it was applied to this database; "
            "put the file back as it was, and make the change in a new migration; "
            "on a database of your own, assay db reset begins anew"
        )
    return (
        f"{script.path} was applied with {was} and has {_endings(script)} now, and does not differ otherwise; "
        f"save it with {was}, and keep git from converting it: *.sql -text in .gitattributes; "
        "or take the checksum over: assay migrate repair"
    )


def is_edited(script: Script, applied: bytes) -> bool:
    """Whether a file differs from what was applied in more than line endings or a byte order mark."""
    return script.checksum != applied and _form_with(script, applied) is None


def _form_with(script: Script, applied: bytes) -> str | None:
    """In which form of the same text the checksum comes out, in words."""
    content = script.sql.encode()
    unix = content.replace(b"\r\n", b"\n")
    windows = unix.replace(b"\n", b"\r\n")
    mark = "a byte order mark and "
    forms = {
        "LF line endings": unix,
        "CRLF line endings": windows,
        mark + "the same line endings": BYTE_ORDER_MARK + content,
        mark + "LF line endings": BYTE_ORDER_MARK + unix,
        mark + "CRLF line endings": BYTE_ORDER_MARK + windows,
    }
    return next((words for words, form in forms.items() if checksum(form) == applied), None)


def _endings(script: Script) -> str:
    breaks = script.sql.count("\n")
    windows = script.sql.count("\r\n")
    if not breaks or not windows:
        return "LF line endings" if breaks else "none"
    return "CRLF line endings" if windows == breaks else "mixed line endings"
