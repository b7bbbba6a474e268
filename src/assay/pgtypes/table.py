"""The table of built-in types: which Python types their values have, and which are taken for parameters.

Classes are named, not imported, so that comparing types does not load the driver. Every entry was read off the
driver itself; the integration tests send and fetch a value for each. Types with parts (arrays, ranges, enums,
composites, domains) and JSON follow rules, not entries: see :mod:`assay.pgtypes.results` and
:mod:`assay.pgtypes.parameters`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """How one type travels."""

    returns: tuple[str, ...]
    """Full names of the classes its values have; a field must take all of them."""
    accepts: tuple[str, ...]
    """Full names of the classes taken for a parameter; empty when it cannot be a parameter."""
    write: str
    """The annotation to suggest."""
    rejects: tuple[str, ...] = ()
    """Subclasses of what is accepted that would lose something on the way."""


def _plain(name: str, *also: str, rejects: tuple[str, ...] = ()) -> Entry:
    return Entry((name,), (name, *also), name.rpartition(".")[2], rejects)


def _geometry(name: str, *also: str) -> Entry:
    full = f"asyncpg.pgproto.types.{name}"
    return Entry((full,), (full, *also), f"asyncpg.{name}")


def _unsendable(name: str) -> Entry:
    return Entry((name,), (), name)


_INTEGER = _plain("int")
_FLOAT = _plain("float", "int", "decimal.Decimal")
_TEXT = _plain("str")
_BYTES = _plain("bytes", "bytearray", "memoryview", "collections.abc.Buffer")
_BITS = Entry(
    ("asyncpg.pgproto.types.BitString",),
    ("asyncpg.pgproto.types.BitString", "bytes", "bytearray", "memoryview"),
    "asyncpg.BitString",
)
_SNAPSHOT = Entry(("tuple",), (), "tuple[int, int, tuple[int, ...]]")

ENTRIES: dict[str, Entry] = {
    # numbers
    "bool": _plain("bool"),
    "int2": _INTEGER,
    "int4": _INTEGER,
    "int8": _INTEGER,
    "float4": _FLOAT,
    "float8": _FLOAT,
    "numeric": _plain("decimal.Decimal", "int"),
    "money": _TEXT,
    "oid": _INTEGER,
    "oid8": _INTEGER,
    "xid": _INTEGER,
    "xid8": _INTEGER,
    "cid": _INTEGER,
    "pg_lsn": _INTEGER,
    # text and bytes
    "text": _TEXT,
    "varchar": _TEXT,
    "bpchar": _TEXT,
    "name": _TEXT,
    "xml": _TEXT,
    "jsonpath": _TEXT,
    "tsvector": _TEXT,
    "tsquery": _TEXT,
    "refcursor": _TEXT,
    "bytea": _BYTES,
    "char": _BYTES,
    "bit": _BITS,
    "varbit": _BITS,
    "uuid": _plain("uuid.UUID", "str"),
    # dates and times
    "date": _plain("datetime.date", rejects=("datetime.datetime",)),
    "time": _plain("datetime.time"),
    "timetz": _plain("datetime.time"),
    "timestamp": _plain("datetime.datetime", "datetime.date"),
    "timestamptz": _plain("datetime.datetime"),
    "interval": _plain("datetime.timedelta"),
    # networks; the driver returns an interface, which is a kind of address, where there is a netmask
    "inet": Entry(
        ("ipaddress.IPv4Address", "ipaddress.IPv6Address"),
        (
            "ipaddress.IPv4Address",
            "ipaddress.IPv6Address",
            "ipaddress.IPv4Network",
            "ipaddress.IPv6Network",
            "str",
        ),
        "IPv4Address | IPv6Address",
    ),
    "cidr": Entry(
        ("ipaddress.IPv4Network", "ipaddress.IPv6Network"),
        (
            "ipaddress.IPv4Network",
            "ipaddress.IPv6Network",
            "ipaddress.IPv4Address",
            "ipaddress.IPv6Address",
            "str",
        ),
        "IPv4Network | IPv6Network",
        rejects=("ipaddress.IPv4Interface", "ipaddress.IPv6Interface"),
    ),
    "macaddr": _TEXT,
    "macaddr8": _TEXT,
    # geometry
    "point": _geometry("Point", "tuple", "list"),
    "box": _geometry("Box"),
    "line": _geometry("Line"),
    "lseg": _geometry("LineSegment"),
    "path": _geometry("Path"),
    "polygon": _geometry("Polygon"),
    "circle": _geometry("Circle"),
    # names of catalog objects, which the driver passes as text
    "regclass": _TEXT,
    "regcollation": _TEXT,
    "regconfig": _TEXT,
    "regdatabase": _TEXT,
    "regdictionary": _TEXT,
    "regnamespace": _TEXT,
    "regoper": _TEXT,
    "regoperator": _TEXT,
    "regproc": _TEXT,
    "regprocedure": _TEXT,
    "regrole": _TEXT,
    "regtype": _TEXT,
    # the catalog's own
    "aclitem": _TEXT,
    "tid": Entry(("tuple",), ("tuple", "list"), "tuple[int, int]"),
    "pg_snapshot": _SNAPSHOT,
    "txid_snapshot": _SNAPSHOT,
    "pg_dependencies": _unsendable("str"),
    "pg_ndistinct": _unsendable("str"),
    "pg_node_tree": _unsendable("str"),
    "pg_mcv_list": _unsendable("bytes"),
    # what an expression or a function can give, though no column of a table
    "unknown": _TEXT,
    "cstring": _TEXT,
    "record": Entry(("tuple",), (), "tuple"),
    "void": Entry((), (), "None"),
}
"""By name in pg_type."""

VECTORS = {"int2vector": "int2", "oidvector": "oid"}
"""Types that are not arrays by their name but arrive as lists of another type; the driver cannot send them."""

TEXT_ONLY = frozenset({
    *("aclitem", "macaddr", "macaddr8", "money", "refcursor", "tsquery", "tsvector"),
    *("pg_dependencies", "pg_ndistinct", "pg_node_tree"),
    *(name for name in ENTRIES if name.startswith("reg")),
})  # fmt: skip
"""Those that the driver has no binary form for. It reads composites and ranges in binary form alone."""

REFUSED = {
    "gtsvector": "it exists only inside GiST indexes",
    "pg_brin_bloom_summary": "it exists only inside BRIN indexes",
    "pg_brin_minmax_multi_summary": "it exists only inside BRIN indexes",
}
"""Built-in types that no value of can be fetched, and why."""
