"""Public IP addresses, also behind NAT64."""

from ipaddress import IPv4Address, IPv6Network

import pytest

from app.push.ip_addresses import is_public, parse_nat64_prefix

PUBLIC = {
    "Google": "142.250.74.10",
    "Apple": "17.188.170.7",
    "8.8.8.8": "8.8.8.8",
    "before 10/8": "9.255.255.255",
    "after 10/8": "11.0.0.0",
    "before 172.16/12": "172.15.255.255",
    "after 172.16/12": "172.32.0.0",
    "before 100.64/10": "100.63.255.255",
    "after 100.64/10": "100.128.0.0",
    "before 192.0.0/24": "191.255.255.255",
    "after 192.88.99/24": "192.88.100.0",
    "before 168.63.129.16": "168.63.129.15",
    "after 168.63.129.16": "168.63.129.17",
    "last before multicast": "223.255.255.255",
    "mapped public": "::ffff:8.8.8.8",
    "NAT64": "64:ff9b::8.8.8.8",
    "Google v6": "2607:f8b0:4004:c1b::5f",
    "after 2001::/23": "2001:200::1",
    "last of 2000::/3": "3ffe:ffff::1",
    "before 6to4": "2001:ffff::1",
    "after 6to4": "2003::1",
}
NOT_PUBLIC = {
    "unspecified": str(IPv4Address(0)),
    "this network": "0.1.2.3",
    "private 10/8": "10.0.0.1",
    "private 172.16/12": "172.31.255.255",
    "private 192.168/16": "192.168.1.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "end of loopback": "127.255.255.254",
    "link-local": "169.254.1.1",
    "cloud metadata": "169.254.169.254",
    "Oracle metadata": "192.0.0.192",
    "protocol assignments": "192.0.0.9",
    "DS-Lite": "192.0.0.1",
    "TURN anycast": "192.0.0.10",
    "documentation": "192.0.2.1",
    "6to4 relay": "192.88.99.1",
    "benchmark": "198.18.0.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "Azure WireServer": "168.63.129.16",
    "multicast": "224.0.0.1",
    "global multicast": "233.252.0.1",
    "end of multicast": "239.255.255.255",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 unspecified": "::",
    "v6 loopback": "::1",
    "v4-compatible": "::7f00:1",
    "v4-compatible public": "::8.8.8.8",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped metadata": "::ffff:a9fe:a9fe",
    "mapped Azure": "::ffff:168.63.129.16",
    "mapped 6to4 relay": "::ffff:192.88.99.1",
    "translated": "::ffff:0:8.8.8.8",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "NAT64 of a private address": "64:ff9b::10.0.0.1",
    "NAT64 of loopback": "64:ff9b::127.0.0.1",
    "after NAT64": "64:ff9b::1:808:808",
    "local NAT64": "64:ff9b:1::a9fe:a9fe",
    "discard": "100::1",
    "below 2000::/3": "1fff:ffff::1",
    "Teredo": "2001:0:7f00:1::",
    "ORCHID": "2001:20::1",
    "end of 2001::/23": "2001:1ff:ffff::1",
    "v6 documentation": "2001:db8::1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of a public address": "2002:808:808::1",
    "new documentation": "3fff::1",
    "end of new documentation": "3fff:fff:ffff::1",
    "beyond 2000::/3": "4000::1",
    "segment routing": "5f00::1",
    "unique local": "fc00::1",
    "AWS metadata": "fd00:ec2::254",
    "v6 link-local": "fe80::1",
    "link-local with a zone": "fe80::1%1",
    "site-local": "fec0::1",
    "v6 multicast": "ff02::1",
    "global v6 multicast": "ff0e::1",
}

# RFC 6052, section 2.4: 192.0.2.33 under a prefix of each length; here with 8.8.8.8 and with 10.0.0.1.
OWN = {
    "2001:db8::/32": ("2001:db8:808:808::", "2001:db8:a00:1::"),
    "2001:db8:100::/40": ("2001:db8:108:808:8::", "2001:db8:10a::1:0:0:0"),
    "2001:db8:122::/48": ("2001:db8:122:808:8:800::", "2001:db8:122:a00:0:100::"),
    "2001:db8:122:300::/56": ("2001:db8:122:308:8:808::", "2001:db8:122:30a:0:1::"),
    "2001:db8:122:344::/64": ("2001:db8:122:344:8:808:800:0", "2001:db8:122:344:a:0:100:0"),
    "2001:db8:122:344::/96": ("2001:db8:122:344::8.8.8.8", "2001:db8:122:344::10.0.0.1"),
    "64:ff9b:1::/96": ("64:ff9b:1::8.8.8.8", "64:ff9b:1::a9fe:a9fe"),
    "fd00:64::/96": ("fd00:64::8.8.8.8", "fd00:64::192.168.1.1"),
}


@pytest.mark.parametrize("address", PUBLIC.values(), ids=PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Up to the very edges of what is refused."""
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC)
def test_an_address_of_special_use_is_not_public(address: str) -> None:
    """Private, reserved, translated, or a cloud's metadata."""
    assert not is_public(address)


@pytest.mark.parametrize("prefix", OWN)
def test_below_the_operators_prefix_the_embedded_address_is_judged(prefix: str) -> None:
    """At the place where a prefix of that length has it."""
    public, private = OWN[prefix]
    own = IPv6Network(prefix)

    assert (is_public(public, own), is_public(private, own)) == (True, False)


@pytest.mark.parametrize("prefix", OWN)
def test_without_the_setting_nothing_is_embedded(prefix: str) -> None:
    """An address below it is what it always was: of special use."""
    assert not is_public(OWN[prefix][0])


@pytest.mark.parametrize("prefix", OWN)
def test_a_prefix_is_read(prefix: str) -> None:
    """Of each length that RFC 6052 has."""
    assert parse_nat64_prefix(prefix) == IPv6Network(prefix)


@pytest.mark.parametrize(
    "text", ["", "64:ff9b::", "64:ff9b::/95", "64:ff9b::1/96", "64:ff9b::/128", "10.0.0.0/8", "::/0", "x"]
)
def test_what_is_no_prefix_is_a_mistake_of_the_operator(text: str) -> None:
    """It is told at the start."""
    with pytest.raises(ValueError, match="must be an IPv6 prefix like"):
        parse_nat64_prefix(text)
