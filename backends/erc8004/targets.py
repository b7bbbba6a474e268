"""Where actions may go: HTTP requests to addresses that are looked at before anything is sent there.

A user names the target of an action, and the worker sends the request from inside of the operator's network. So the
name is resolved once, each address is looked at, and the request goes to an address that was looked at: a name that
resolves to something else a moment later gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx

import assay

MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read."""

_TRANSLATED = IPv6Network("64:ff9b::/96")


class TargetRefused(assay.Error):
    """A target that actions may not go to; the message says why. Trying again does not help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered."""

    status: int
    headers: httpx.Headers
    body: bytes
    """At most ``MAX_ANSWER`` bytes of it."""


def check_url(text: str) -> httpx.URL:
    """Read a target. Raises TargetRefused for what is no http or https URL with a host."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise TargetRefused("the target is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise TargetRefused("the target takes an http or https URL with a host")
    if url.port is not None and not 0 < url.port < 65536:
        raise TargetRefused("the target's port is not a number from 1 to 65535")
    if url.userinfo:
        raise TargetRefused("the target's URL holds a user name; put credentials into a header")
    return url


async def send(
    client: httpx.AsyncClient, method: str, text: str, *, private: bool, headers: dict[str, str], json: Any
) -> Answer:
    """Send a request to a target and read its answer.

    Args:
        client: whose timeouts hold.
        method: such as ``POST``.
        text: the target's URL.
        private: whether it may be in a private network.
        headers: to send.
        json: the body.

    Raises:
        TargetRefused: the target is none, or may not be used.
        httpx.RequestError: it could not be reached, or did not answer in time.
    """
    url = check_url(text)
    address = await _address(url, private=private)
    request = client.build_request(
        method,
        url.copy_with(host=str(address)),
        # Not compressed: a few bytes could become more than there is memory for.
        headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity", **headers},
        json=json,
        extensions={"sni_hostname": url.host},
    )
    answer = await client.send(request, stream=True, follow_redirects=False)
    try:
        return Answer(answer.status_code, answer.headers, await _body(answer))
    finally:
        await answer.aclose()


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) >= MAX_ANSWER:
            break
    return bytes(body[:MAX_ANSWER])


async def _address(url: httpx.URL, *, private: bool) -> IPv4Address | IPv6Address:
    """An address of the host, after all of them were looked at."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port or 0, type=socket.SOCK_STREAM)
    except OSError:
        raise httpx.ConnectError(f"the host {url.host} has no address") from None
    except UnicodeError:
        raise TargetRefused("the target's host is not a name that can be resolved") from None
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        if not private and not is_public(address):
            raise TargetRefused(
                f"the target {url.host} has the address {address}, which is not public; the operator can allow such "
                "targets with ALLOW_PRIVATE_TARGETS=true"
            )
    return addresses[0]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the Internet's: not private, local, reserved, multicast, or a way around that."""
    if isinstance(address, IPv6Address):
        # Addresses of IPv4 within IPv6: mapped, 6to4, and what translators use (RFC 6052).
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast
