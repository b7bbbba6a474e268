"""A bucket of S3, or of what speaks its protocol, as a store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from assay.errors import BackupError, ConfigurationError
from assay.ops.backup.manifest import MANIFEST, is_id
from assay.ops.backup.stores import StoredFile

if TYPE_CHECKING:
    import obstore

_T = TypeVar("_T")

PART = 16 << 20
"""Bytes of a part of an upload, of which S3 takes 10,000: so a file may have 160 GB."""
_AT_ONCE = 4
"""Parts that are under way, and in memory, at the same time."""
_SILENCE = timedelta(seconds=90)
"""For which a store may say nothing; it says nothing while parts are on their way: 64 MB take so long at 6 Mbit/s."""
_TOTAL = timedelta(days=7)
"""For one answer, of which a whole archive is one; obstore's own limit of 30 seconds would cut it off."""
_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ENDPOINT_URL": "endpoint",
    "AWS_ENDPOINT_URL_S3": "endpoint",
}
"""Of the environment or ``.env``; what it lacks is looked for where AWS's own tools do on a machine of theirs."""
_SIGNS = {
    "NoSuchBucket": "the bucket does not exist; create it, or correct the URL",
    "SignatureDoesNotMatch": "the secret key is not right; check AWS_SECRET_ACCESS_KEY",
    "InvalidAccessKeyId": "the access key is not known there; check AWS_ACCESS_KEY_ID",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "AccessDenied": "the key may not do that; it needs to list, read, write and delete below the prefix",
    "403 Forbidden": "the key may not do that; it needs to list, read, write and delete below the prefix",
    "ConnectError": "nothing answers there; is the endpoint right?",
    "error sending request": "nothing answers there; is the endpoint right?",
}


class S3Store:
    """A prefix of a bucket.

    Args:
        url: ``s3://bucket/prefix``.
        options: ``endpoint``, ``region``, ``allow-http`` (for an endpoint without TLS), ``path-style`` (the bucket in
            the path, as most servers but Amazon's want it; so by default where there is an endpoint).
        variables: the environment, for the ``AWS_`` variables.

    Raises ConfigurationError when obstore is not installed, or the URL names no bucket.
    """

    def __init__(self, url: str, options: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        if not parts.netloc or parts.query or parts.fragment:
            raise ConfigurationError(f"The store {url!r} names no bucket; give it as s3://bucket/prefix")
        self.bucket, self.prefix = parts.netloc, parts.path.strip("/")
        self._obstore, self._store = _open(parts.netloc, options, variables)

    @property
    def place(self) -> str:
        """The URL."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    async def prepare(self) -> None:
        """Write a few bytes and remove them: that shows whether bucket, key and clock are right."""
        probe = self._key(f".probe-{secrets.token_hex(4)}", "")
        await self._do("written to", self._obstore.put, self._store, probe, b"assay")
        await self._do("written to", self._obstore.delete, self._store, probe)

    async def listing(self) -> dict[str, tuple[StoredFile, ...]]:
        """The folders named like backups."""
        return await self._do("read", self._listing)

    async def read(self, backup_id: str, path: str) -> bytes:
        """A small file."""
        result = await self._do("read", self._obstore.get, self._store, self._key(backup_id, path))
        content: Any = await self._do("read", result.bytes)
        return bytes(content)

    async def write(self, backup_id: str, path: str, content: bytes) -> None:
        """Write a small file; S3 shows it whole or not at all."""
        await self._do("written to", self._obstore.put, self._store, self._key(backup_id, path), content)

    async def remove(self, backup_id: str, path: str) -> None:
        """Remove a file, if it is there."""
        await self._do("written to", self._remove, self._key(backup_id, path))

    async def remove_all(self, backup_id: str) -> None:
        """Remove the manifest, then the other files."""
        await self.remove(backup_id, MANIFEST)
        for file in (await self.listing()).get(backup_id, ()):
            await self.remove(backup_id, file.path)

    def folder(self, backup_id: str) -> Path | None:
        """It is elsewhere."""
        return None

    async def put(self, backup_id: str, path: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file in parts as its bytes come; S3 shows it when all have arrived."""
        writer = self._obstore.open_writer(
            self._store, self._key(backup_id, path), buffer_size=PART, max_concurrency=_AT_ONCE
        )
        async for chunk in chunks:
            await self._do("written to", writer.write, chunk)
        await self._do("written to", writer.close)

    async def chunks(self, backup_id: str, path: str) -> AsyncIterator[bytes]:
        """Read a file in pieces of a few megabytes."""
        result = await self._do("read", self._obstore.get, self._store, self._key(backup_id, path))
        stream: Iterator[Any] = iter(result.stream(min_chunk_size=4 << 20))
        while (chunk := await self._do("read", lambda: next(stream, None))) is not None:
            yield bytes(chunk)

    def _listing(self) -> dict[str, tuple[StoredFile, ...]]:
        found: dict[str, list[StoredFile]] = {}
        prefix = f"{self.prefix}/" if self.prefix else None
        for page in self._obstore.list(self._store, prefix=prefix, chunk_size=1000):
            for item in page:
                name, _, path = item["path"].removeprefix(prefix or "").partition("/")
                if path and is_id(name):
                    found.setdefault(name, []).append(StoredFile(path, item["size"], item["last_modified"]))
        return {name: tuple(files) for name, files in sorted(found.items())}

    def _remove(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self._obstore.delete(self._store, key)

    async def _do(self, what: str, method: Callable[..., _T], *args: Any) -> _T:
        """Call what waits for the network in a thread.

        obstore's own coroutines are not used: now and then the process was aborted at its end after they were.
        """
        try:
            return await asyncio.to_thread(method, *args)
        except _errors() as error:
            raise self._failed(what, error) from None

    def _key(self, backup_id: str, path: str) -> str:
        return "/".join(part for part in (self.prefix, backup_id, path) if part)

    def _failed(self, what: str, error: Exception) -> BackupError:
        text = str(error)
        said = next((words for sign, words in _SIGNS.items() if sign in text), text.partition("\n")[0][:300])
        return BackupError(f"The store {self.place} cannot be {what}: {said}")


def _open(bucket: str, options: Mapping[str, Any], variables: Mapping[str, str]) -> tuple[Any, obstore.store.S3Store]:
    try:
        import obstore
        from obstore.store import S3Store as Bucket
    except ImportError:
        raise ConfigurationError("A store on S3 needs obstore: pip install 'assay[s3]'") from None
    config: dict[str, Any] = {key: variables[name] for name, key in _VARIABLES.items() if variables.get(name)}
    config |= {key: options[key] for key in ("endpoint", "region") if key in options}
    endpoint = str(config.get("endpoint", ""))
    config.setdefault("region", "us-east-1")
    config["virtual_hosted_style_request"] = not options.get("path-style", bool(endpoint))
    client: Any = {"allow_http": bool(options.get("allow-http", False)), **_timeouts()}
    if endpoint.startswith("http://") and not client["allow_http"]:
        raise ConfigurationError(
            f"The endpoint {endpoint} has no TLS: use https://, or say allow-http = true for a server on this machine"
        )
    settings: Any = config
    retries: Any = {"max_retries": 4, "retry_timeout": _SILENCE}
    return obstore, Bucket(bucket, config=settings, client_options=client, retry_config=retries)


def _timeouts() -> dict[str, timedelta]:
    return {"connect_timeout": timedelta(seconds=10), "read_timeout": _SILENCE, "timeout": _TOTAL}


def _errors() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError, OSError)
