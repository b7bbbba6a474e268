"""Values of every kind that a built-in function accepts: the edges of each type, then random ones."""

from __future__ import annotations

import random
from collections.abc import Callable

LONG = "x" * 3000
WORDS = [
    "year", "month", "day", "hour", "epoch", "julian", "week", "UTC", "Europe/Berlin", "+02", "UTF8", "LATIN1", "SQL_ASCII",
    "hex", "base64", "escape", "md5", "g", "i", "n", "[)", "[]", "YYYY-MM-DD", "HH24:MI:SS", "999.99", "FM9", "NFC", "NFKD",
    "english", "simple", "pg_class", "pg_catalog", "postgres", "public", "SELECT", "USAGE", "EXECUTE", "CREATE", "CONNECT",
    "select 1 as a", "a:1", "a & b", "{a,b}", "{}", "[1]", "null", "/a/b", "work_mem", "btree", "int4", "2000-01-01", "main",
]  # fmt: skip
"""Strings that mean something to one function or another."""
TEXT = ["", " ", "a", "abc", "ABC", "äöü", "日本語", "\U0001f600", "%", "_", "\\", "a\\b", "'", '"', "a,b", "(", "[a-z]+",
    "a.*b", "^$", "%s", "%I %L", "\n", "0", "-1", "1e5", LONG, "é" * 500, *WORDS]  # fmt: skip
INT2 = ["0", "1", "-1", "2", "3", "7", "32767", "-32768"]
INT4 = ["0", "1", "-1", "2", "3", "10", "100", "-7", "32768", "2147483647", "-2147483648", "1073741824"]
INT8 = ["0", "1", "-1", "2", "5", "64", "4294967296", "9223372036854775807", "-9223372036854775808"]
FLOAT = ["0", "-0", "1", "-1", "0.5", "2", "NaN", "Infinity", "-Infinity", "3.5", "1e-30", "1e30", "100"]
NUMERIC = ["0", "1", "-1", "0.5", "-0.000001", "NaN", "Infinity", "-Infinity", "1e100", "1e-100", "123456789.987654321",
    "2", "10", "99999999999999999999", "0.00"]  # fmt: skip
DATE = [
    "2000-01-01",
    "infinity",
    "-infinity",
    "4713-11-24 BC",
    "5874897-12-31",
    "2024-02-29",
    "0001-01-01",
    "1999-12-31",
]
TIME = ["00:00", "24:00", "23:59:59.999999", "12:34:56"]
TIMESTAMP = ["2000-01-01 00:00", "infinity", "-infinity", "4714-11-24 00:00 BC", "294276-12-31 23:59:59.999999",
    "2024-02-29 12:00", "1970-01-01 00:00", "0001-01-01 00:00"]  # fmt: skip
INTERVAL = ["0", "1 day", "-1 day", "1 mon", "100 years", "1.5 hours", "-178000000 years", "178000000 years", "infinity",
    "-infinity", "1 microsecond", "1 mon -1 day 00:00:01"]  # fmt: skip
POINT = ["(0,0)", "(1,2)", "(-1,0.5)", "(NaN,0)", "(Infinity,-Infinity)", "(1e300,1e300)", "(1e-300,0)"]
JSON = ["null", "{}", "[]", "1", '"a"', "true", '{"a":1}', '{"a":null}', "[null]", '[1,[2,{"b":[]}]]', '{"a":{"b":"c"}}',
    '""', "-0.5", '[{"a":1},{"a":2}]']  # fmt: skip
XML = ["", "<a/>", "a", "<a>b</a>", "<a b='c'/><d/>", '<?xml version="1.0"?><a/>']
ARRAYS = ["{{}}", "{{{0}}}", "{{NULL}}", "{{{0},NULL}}", "{{{0},{0},{0}}}", "{{{{{0}}}}}", "{{{{{0},{0}}},{{NULL,{0}}}}}",
    "[0:1]={{{0},{0}}}", "[-3:-3]={{{0}}}", "[2:2][5:6]={{{{{0},{0}}}}}"]  # fmt: skip

EDGES: dict[str, list[str]] = {
    "bool": ["t", "f"],
    "char": ["", "a", "0", "\x7f", "r", "v"],
    "name": [*TEXT[:14], "a" * 63, *WORDS],
    "int2": INT2,
    "int4": INT4,
    "int8": INT8,
    "float4": FLOAT,
    "float8": [*FLOAT, "1e308", "1e-308", "1.7976931348623157e308"],
    "numeric": NUMERIC,
    "text": TEXT,
    "varchar": TEXT,
    "bpchar": [*TEXT, "a  "],
    "bytea": ["", "\\x00", "\\xff", "abc", "\\xc3a4", "\\x" + "00" * 2000, "\\xdeadbeef"],
    "bit": ["", "0", "1", "1010", "1" * 64, "0" * 1000],
    "varbit": ["", "0", "1", "1010", "1" * 64],
    "date": DATE,
    "time": TIME,
    "timetz": [f"{time}{zone}" for time in TIME for zone in ("+00", "-15:59", "+15:59")],
    "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMP,
    "interval": INTERVAL,
    "money": ["0", "1", "-1", "92233720368547758.07", "-92233720368547758.08", "0.01"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
             "018f0c2e-0000-7000-8000-000000000000", "123e4567-e89b-12d3-a456-426614174000"],
    "json": JSON,
    "jsonb": JSON,
    "jsonpath": ["$", "$.a", "$[*]", "strict $.a.b", "lax $.**", "$[*] ? (@ > 1)", "$.a == 1", "1", '$.type()', "$[0 to 9]",
                 '$.a.datetime()', "exists($.x)", "$.size()", "$.keyvalue()"],
    "xml": XML,
    "inet": ["0.0.0.0", "255.255.255.255", "10.1.2.3/8", "0.0.0.0/0", "::", "::1/128", "2001:db8::1/64", "1.2.3.4/32"],
    "cidr": ["0.0.0.0/0", "10.0.0.0/8", "::/0", "2001:db8::/32", "1.2.3.4/32"],
    "macaddr": ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"],
    "macaddr8": ["00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "08:00:2b:ff:fe:01:02:03"],
    "point": POINT,
    "line": ["{1,0,0}", "{0,1,0}", "{1,-1,0}", "{1,-1,5}", "{0,1e300,1}", "{NaN,1,0}", "{Infinity,1,1}"],
    "lseg": ["[(0,0),(0,0)]", "[(0,0),(1,1)]", "[(1,0),(0,1)]", "[(2,2),(3,3)]", "[(NaN,0),(1,1)]", "[(0,0),(0,5)]"],
    "box": ["(0,0),(0,0)", "(1,1),(0,0)", "(5,5),(3,3)", "(Infinity,1),(-Infinity,0)", "(NaN,1),(0,0)"],
    "path": ["((0,0))", "[(0,0)]", "((0,0),(1,1),(1,0))", "[(0,0),(1,1)]", "[(0,0),(0,0)]", "((NaN,0),(1,1))"],
    "polygon": ["((0,0))", "((0,0),(1,1),(1,0))", "((0,0),(0,0))", "((0,0),(2,0),(2,2),(0,2))", "((NaN,0),(1,1))"],
    "circle": ["<(0,0),0>", "<(0,0),1>", "<(5,5),2>", "<(0,0),Infinity>", "<(NaN,0),1>", "<(1e300,0),1e300>"],
    "tsvector": ["", "a", "a:1 b:2", "'quoted word':3A,4B", "a:16383", "c d e"],
    "tsquery": ["", "a", "a & b", "a | !b", "a <-> b", "!a", "a:*", "'x y':AB", "(a & b) | c <2> d"],
    "oid": ["0", "1", "10", "1259", "2200", "4294967295", "11", "3748", "3765", "13", "2147483648"],
    "xid": ["0", "1", "2", "3", "4294967295", "700"],
    "xid8": ["0", "1", "3", "18446744073709551615", "700"],
    "cid": ["0", "1", "4294967295"],
    "tid": ["(0,0)", "(0,1)", "(4294967295,65535)"],
    "pg_lsn": ["0/0", "0/1", "FFFFFFFF/FFFFFFFF", "1/1000000"],
    "pg_snapshot": ["1:1:", "10:20:10,14,15", "1:9223372036854775807:"],
    "txid_snapshot": ["1:1:", "10:20:10,14,15"],
    "regproc": ["0", "now", "99999"],
    "regprocedure": ["0", "lower(text)", "99999"],
    "regoper": ["0", "99999"],
    "regoperator": ["0", "+(int4,int4)", "99999"],
    "regclass": ["0", "pg_class", "pg_am_name_index", "pg_stats", "99999", "values_int4", "a_sequence", "pg_toast.pg_toast_1255"],
    "regtype": ["0", "int4", "mood", "pair", "99999"],
    "regrole": ["0", "postgres", "99999"],
    "regnamespace": ["0", "public", "99999"],
    "regconfig": ["simple", "english", "0", "99999"],
    "regdictionary": ["simple", "english_stem", "0"],
    "regcollation": ["0", '"C"', "99999"],
    "refcursor": ["", "a_cursor"],
    "int2vector": ["", "1", "1 2 3", "0 -1"],
    "oidvector": ["", "1", "23 25", "0 4294967295"],
    "aclitem": ["=r/postgres", "postgres=arwdDxt/postgres", "postgres=r*/postgres", "=/postgres"],
    "pg_node_tree": ["=(select ev_action from pg_rewrite order by oid limit 1)", "=(select ev_qual from pg_rewrite limit 1)"],
    "pg_mcv_list": ["=(select stxdmcv from pg_statistic_ext_data where stxdmcv is not null limit 1)"],
    "pg_ndistinct": ["=(select stxdndistinct from pg_statistic_ext_data where stxdndistinct is not null limit 1)"],
    "pg_dependencies": ["=(select stxddependencies from pg_statistic_ext_data where stxddependencies is not null limit 1)"],
    "mood": ["bad", "fine", "good"],
    "pair": ["=row(1, 'a')::pair", "=row(null, null)::pair", "=row(0, '')::pair", "=row(2, null)::pair"],
    "textrange": ["empty", "(,)", "[a,b)", "[a,a]", "(,z]", "[m,)"],
    "textmultirange": ["{}", "{(,)}", "{[a,b),[c,d)}", "{[m,)}"],
}  # fmt: skip
"""The edges of each type, as its input function takes them; after a = comes an expression."""

_BOUNDS = {
    "int4range": ("int4", ["1", "5", "2147483646", "-2147483648"]),
    "int8range": ("int8", ["1", "5", "9223372036854775806"]),
    "numrange": ("numeric", ["1", "5.5", "NaN", "-Infinity", "Infinity"]),
    "daterange": ("date", ["2000-01-01", "2024-02-29", "infinity", "-infinity"]),
    "tsrange": ("timestamp", ["2000-01-01 00:00", "2024-02-29 12:00", "infinity", "-infinity"]),
    "tstzrange": ("timestamptz", ["2000-01-01 00:00", "2024-02-29 12:00", "infinity", "-infinity"]),
}


def _ranges() -> None:
    for name, (_, bounds) in _BOUNDS.items():
        both = [f"{low}{a},{b}{high}" for a in ["", *bounds] for b in ["", *bounds] for low, high in ("[)", "(]", "[]")]
        EDGES[name] = ["empty", *both]
        several = [f"{{[{bounds[0]},{bounds[1]})}}", f"{{(,{bounds[0]}),[{bounds[1]},)}}"]
        EDGES[name.replace("range", "multirange")] = ["{}", "{(,)}", "{empty}", *several]


_ranges()


def edges(kind: str) -> list[str]:
    """The edge values of a type by its name in pg_type; arrays by a leading underscore. Empty where none are known."""
    if not kind.startswith("_"):
        return EDGES.get(kind, [])
    inner = [value for value in EDGES.get(kind[1:], []) if len(value) < 500]
    if kind[1:] == "pair":
        inner = ["(1,a)", "(,)"]
    quoted = [
        '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in inner if not value.startswith("=")
    ]
    shapes = [shape.format(value) for value in quoted[:3] for shape in ARRAYS]
    return list(dict.fromkeys([*shapes, *(f"{{{value}}}" for value in quoted), f"{{{','.join(quoted[:9])}}}"]))


def _text(rng: random.Random) -> str:
    alphabet = rng.choice(["ab", "abc ,;", "äß日\U0001f600", "0123456789.-", "%_\\'\"(){}[]|&!*+?^$", "aA0 \n\t"])
    return "".join(rng.choices(alphabet, k=rng.choice([0, 1, 2, 5, 20])))


def _integer(bits: int) -> Callable[[random.Random], str]:
    top = 2 ** (bits - 1)
    return lambda rng: str(rng.choice([rng.randint(-20, 20), rng.randint(-top, top - 1), rng.choice([-top, top - 1])]))


def _numeric(rng: random.Random) -> str:
    return f"{rng.choice(['', '-'])}{rng.randint(0, 10 ** rng.randint(0, 30))}e{rng.randint(-40, 20)}"


def _float(rng: random.Random) -> str:
    return repr(rng.choice([rng.uniform(-10, 10), rng.uniform(-1, 1) * 10 ** rng.randint(-30, 30)]))


def _date(rng: random.Random) -> str:
    return f"{rng.randint(1, 9999):04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def _time(rng: random.Random) -> str:
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.uniform(0, 59.9):09.6f}"


def _timestamp(rng: random.Random) -> str:
    return f"{_date(rng)} {_time(rng)}"


def _interval(rng: random.Random) -> str:
    return f"{rng.randint(-50, 50)} mons {rng.randint(-900, 900)} days {rng.randint(-(10**6), 10**6)} seconds"


def _json(rng: random.Random, depth: int = 0) -> str:
    shape = rng.randint(0, 6 if depth < 3 else 4)
    if shape < 5:
        return ["null", "true", str(rng.randint(-9, 9)), '"a"', '"2000-01-01"'][shape]
    inner = [_json(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    if shape == 5:
        return f"[{','.join(inner)}]"
    return "{" + ",".join(f'"{key}":{value}' for key, value in zip("abc", inner, strict=False)) + "}"


def _bits(rng: random.Random) -> str:
    return "".join(rng.choices("01", k=rng.choice([0, 1, 8, 33])))


def _inet(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return f"{'.'.join(str(rng.randint(0, 255)) for _ in range(4))}/{rng.randint(0, 32)}"
    return f"{rng.randint(0, 65535):x}::{rng.randint(0, 65535):x}/{rng.randint(0, 128)}"


def _point(rng: random.Random) -> str:
    return f"({rng.randint(-3, 3)},{rng.uniform(-3, 3):.2f})"


def _points(rng: random.Random) -> str:
    return ",".join(_point(rng) for _ in range(rng.randint(1, 5)))


RANDOM: dict[str, Callable[[random.Random], str]] = {
    "text": _text,
    "bpchar": _text,
    "name": _text,
    "int2": _integer(16),
    "int4": _integer(32),
    "int8": _integer(64),
    "numeric": _numeric,
    "float4": _float,
    "float8": _float,
    "bytea": lambda rng: "\\x" + rng.randbytes(rng.choice([0, 1, 5, 40])).hex(),
    "date": _date,
    "time": _time,
    "timetz": lambda rng: f"{_time(rng)}{rng.randint(-12, 12):+03}",
    "timestamp": _timestamp,
    "timestamptz": _timestamp,
    "interval": _interval,
    "json": _json,
    "jsonb": _json,
    "bit": _bits,
    "varbit": _bits,
    "inet": _inet,
    "uuid": lambda rng: rng.randbytes(16).hex(),
    "macaddr": lambda rng: rng.randbytes(6).hex(),
    "macaddr8": lambda rng: rng.randbytes(8).hex(),
    "oid": lambda rng: str(rng.choice([rng.randint(0, 17000), rng.randint(0, 2**32 - 1)])),
    "point": _point,
    "lseg": lambda rng: f"[{_point(rng)},{_point(rng)}]",
    "box": lambda rng: f"{_point(rng)},{_point(rng)}",
    "path": lambda rng: rng.choice(["({})", "[{}]"]).format(_points(rng)),
    "polygon": lambda rng: f"({_points(rng)})",
    "circle": lambda rng: f"<{_point(rng)},{rng.randint(0, 5)}>",
    "line": lambda rng: f"{{{rng.randint(-3, 3)},{rng.randint(-3, 3)},{rng.randint(-3, 3)}}}",
    "tsvector": lambda rng: " ".join(f"{rng.choice('abcd')}:{rng.randint(1, 99)}" for _ in range(rng.randint(0, 6))),
    "int4range": lambda rng: f"[{rng.randint(-9, 0)},{rng.randint(0, 9)}{rng.choice(')]')}",
    "money": lambda rng: f"{rng.randint(-(10**6), 10**6) / 100}",
    "pg_lsn": lambda rng: f"{rng.randint(0, 2**32 - 1):X}/{rng.randint(0, 2**32 - 1):X}",
    "xid": lambda rng: str(rng.randint(0, 2**32 - 1)),
    "mood": lambda rng: rng.choice(EDGES["mood"]),
}


def values(kind: str, more: int, rng: random.Random) -> list[str]:
    """A type's edges, and that many random values besides where there is a way to make them."""
    make = RANDOM.get(kind)
    return edges(kind) + ([make(rng) for _ in range(more)] if make else [])
