"""Backups in a bucket: a real server that speaks S3's protocol, checks signatures and takes uploads in parts."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.fixtures.servers import eventually

from assay.config import DatabaseUrl
from assay.errors import BackupError, ConfigurationError
from assay.ops.backup.create import Wanted, create_backup
from assay.ops.backup.listing import list_backups
from assay.ops.backup.manifest import Archive, Contents
from assay.ops.backup.prune import prune
from assay.ops.backup.restore import restore_backup
from assay.ops.backup.retention import Policy, State
from assay.ops.backup.s3 import S3Store
from assay.ops.backup.verify import verify_backup
from assay.server.databases import drop_database

pytest.importorskip("obstore", reason="a store on S3 needs obstore")
RCLONE = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
pytestmark = pytest.mark.skipif(RCLONE is None, reason="no rclone on this machine, which serves S3 here")
KEYS = {"AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret-key"}


@dataclass(frozen=True)
class Bucket:
    """A bucket on a running server."""

    data: Path
    options: Mapping[str, Any]
    prefix: str = "app"

    def store(self, url: str = "", **variables: str) -> S3Store:
        return S3Store(url or f"s3://bucket/{self.prefix}", self.options, KEYS | variables)

    @property
    def folder(self) -> Path:
        """Where the server keeps what is below the prefix."""
        return self.data / "bucket" / self.prefix

    def files(self) -> list[str]:
        """What is below the prefix, as the server keeps it."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    folder = tmp_path_factory.mktemp("s3")
    (folder / "data" / "bucket").mkdir(parents=True)
    port = free_port()
    assert RCLONE is not None
    command = [
        RCLONE, "serve", "s3", folder / "data", "--addr", f"127.0.0.1:{port}", "--config", os.devnull,
        "--cache-dir", folder / "cache", "--auth-key", ",".join(KEYS.values()),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        assert eventually(lambda: answers(port)), (folder / "log").read_text()
        yield Bucket(folder / "data", {"endpoint": f"http://127.0.0.1:{port}", "allow-http": True})
        server.terminate()


@pytest.fixture
def bucket(served: Bucket) -> Bucket:
    """A prefix that no other test uses: the server remembers for a while what it has listed."""
    return replace(served, prefix=f"app/{secrets.token_hex(4)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
async def noisy(database_18: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute("create table noise as select i, md5(i::text) as text from generate_series(1, 20000) i")
    await connection.close()
    yield database_18
    await drop_database(database_18.with_database(f"{database_18.database}_too"), force=True)


@pytest.mark.parametrize("archive", list(Archive))
async def test_what_is_backed_up_to_a_bucket_is_verified_restored_and_pruned(
    noisy: DatabaseUrl, bucket: Bucket, archive: Archive
) -> None:
    store, now = bucket.store(), datetime.now(UTC)
    old = await create_backup(noisy, store, Wanted(contents=Contents.SCHEMA), now=now - timedelta(days=91))
    older = await create_backup(noisy, store, Wanted(contents=Contents.SCHEMA), now=now - timedelta(days=92))
    manifest = await create_backup(noisy, store, Wanted(archive=archive, hashed=True))
    assert [one.state for one in await list_backups(store)] == [State.COMPLETE] * 3
    assert (await verify_backup(store, manifest, noisy, content=True)).differences == ()
    done = await restore_backup(store, manifest, noisy.with_database(f"{noisy.database}_too"))
    assert done.manifest.rows == 20_000
    await prune(store, Policy(days=90), now=now)
    assert [one.id for one in await list_backups(store)] == [manifest.id, old.id]
    assert not [path for path in bucket.files() if older.id in path]


async def test_a_corrupted_byte_in_a_bucket_is_found(noisy: DatabaseUrl, bucket: Bucket) -> None:
    store = bucket.store()
    manifest = await create_backup(noisy, store)
    path = bucket.folder / manifest.id / "archive.dump"
    content = bytearray(path.read_bytes())
    content[1000] ^= 4
    path.write_bytes(content)
    verified = await verify_backup(store, manifest, noisy)
    assert [one.what for one in verified.differences] == ["archive.dump"]


async def test_a_large_archive_is_sent_in_parts_and_never_held_in_memory(
    database_18: DatabaseUrl, bucket: Bucket
) -> None:
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute("create table wide as select repeat('x', 1000) from generate_series(1, 150000)")
    await connection.close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    store = bucket.store()
    manifest = await create_backup(database_18, store, Wanted(compress="none"))
    assert manifest.size > 140_000_000
    assert (await verify_backup(store, manifest, database_18)).differences == ()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 130, f"{grown:.0f} MB more were held, of an archive of {manifest.size / 1e6:.0f}"


async def test_a_dump_that_fails_leaves_no_object(
    noisy: DatabaseUrl, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.ops.backup import create

    monkeypatch.setattr(create, "client_program", lambda name, major: Path("/bin/false"))
    with pytest.raises(BackupError, match="false failed"):
        await create_backup(noisy, bucket.store())
    assert bucket.files() == []


@pytest.mark.parametrize(
    ("url", "variables", "what"),
    [
        ("s3://bucket/app", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "the secret key is not right"),
        ("s3://bucket/app", {"AWS_ACCESS_KEY_ID": "nobody"}, "the access key is not known there|may not do that"),
        ("s3://nowhere/app", {}, "the bucket does not exist; create it, or correct the URL"),
    ],
)
async def test_what_s3_refuses_is_told_before_the_database_is_read(
    bucket: Bucket, url: str, variables: dict[str, str], what: str
) -> None:
    nowhere = DatabaseUrl.parse("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(BackupError, match=what) as caught:
        await create_backup(nowhere, bucket.store(url, **variables))
    assert str(caught.value).startswith(f"The store {url} cannot be written to: ")
    assert "the-secret-key" not in str(caught.value)


async def test_a_server_that_does_not_answer_is_told(noisy: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.ops.backup import s3

    monkeypatch.setattr(s3, "_SILENCE", timedelta(seconds=1))
    store = S3Store("s3://bucket/app", {"endpoint": f"http://127.0.0.1:{free_port()}", "allow-http": True}, KEYS)
    with pytest.raises(BackupError, match="nothing answers there; is the endpoint right"):
        await create_backup(noisy, store)


def test_an_endpoint_without_tls_must_be_allowed() -> None:
    with pytest.raises(ConfigurationError, match="has no TLS: use https://, or say allow-http = true"):
        S3Store("s3://bucket/app", {"endpoint": "http://127.0.0.1:1"}, KEYS)


async def test_what_else_lies_in_the_bucket_is_left_alone(noisy: DatabaseUrl, bucket: Bucket) -> None:
    bucket.folder.mkdir(parents=True)
    (bucket.folder / "notes.txt").write_text("ours")
    store = bucket.store()
    await create_backup(noisy, store, Wanted(contents=Contents.SCHEMA))
    await prune(store, Policy(days=1), now=datetime.now(UTC) + timedelta(days=50))
    assert "notes.txt" in bucket.files()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("RequestTimeTooSkewed", "this machine's clock is wrong; set it"),
        ("AccessDenied", "the key may not do that; it needs to list, read, write and delete below the prefix"),
    ],
)
async def test_what_only_amazon_says_is_told_in_words(code: str, what: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        writer.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = S3Store("s3://bucket/app", {"endpoint": f"http://127.0.0.1:{port}", "allow-http": True}, KEYS)
        with pytest.raises(BackupError, match=what):
            await store.prepare()


async def test_an_upload_killed_at_any_moment_leaves_nothing_that_looks_complete(
    noisy: DatabaseUrl, bucket: Bucket, tmp_path: Path
) -> None:
    endpoint = bucket.options["endpoint"]
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.assay.backup.stores.far]\nurl = 's3://bucket/{bucket.prefix}'\nendpoint = '{endpoint}'\n"
        "allow-http = true\n"
    )
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": noisy.reveal(), "HOME": str(tmp_path), **KEYS}
    command = [sys.executable, "-m", "assay", "backup", "create", "--store", "far"]
    codes = []
    for moment in range(6):
        number = (signal.SIGKILL, signal.SIGTERM)[moment % 2]
        with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL) as process:
            await asyncio.sleep(0.15 + moment * 0.1)
            process.send_signal(number)
        codes.append(process.returncode)
        states = [one.state for one in await list_backups(bucket.store())]
        assert State.CORRUPT not in states
        assert states.count(State.COMPLETE) >= codes.count(0)
    assert len(set(codes)) > 1 or codes[0] != 0, "none was struck down before it had ended"
    for one in await list_backups(bucket.store()):
        if one.manifest is not None:
            assert (await verify_backup(bucket.store(), one.manifest, noisy)).differences == ()
