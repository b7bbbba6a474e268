"""Targets of actions: which addresses are public, and which URLs are none."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from backends.erc8004.targets import TargetRefused, check_url, is_public


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "64:ff9b::101:101"])
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "ff02::1",
    ],
)
def test_an_address_that_leads_inside_or_nowhere_is_not(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "ftp://a.example/", "file:///etc/passwd", "http://", "http://u:p@a.example/", "http://a:99999/"],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(TargetRefused, match="target"):
        check_url(text)
