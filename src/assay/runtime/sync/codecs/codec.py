"""How the values of one type travel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

Decode: TypeAlias = Callable[[Any], Any]
"""From the binary form (bytes, or a memoryview of them) to a value."""
Read: TypeAlias = Callable[[str], Any]
"""From the text form to a value."""
Encode: TypeAlias = Callable[[Any], bytes]
"""From a value, never None, to the form that is sent; raises any exception for a value that has none."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How the values of one type travel."""

    type: asyncpg.Type
    decode: Decode | None
    """None for a type whose binary form says nothing without the server: it is fetched as text."""
    read: Read
    encode: Encode | None
    """None for a type that cannot be a parameter."""
    sends_binary: bool = True
    """Which of the two forms ``encode`` makes."""
    delimiter: str = ","
    """What divides elements in the text form of an array of it."""

    def form(self, value: Any) -> bytes:
        """A value, not None, as it is sent. Raises TypeError when there is no such form, and what encoding raises."""
        if self.encode is None:
            raise TypeError(f"{self.type.name} cannot be a parameter")
        form = self.encode(value)
        if not self.sends_binary and b"\0" in form:
            raise ValueError("the server takes no NUL character in a text")
        return form
