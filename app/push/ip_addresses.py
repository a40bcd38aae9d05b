"""Public IP addresses, also behind NAT64 (RFC 6052): those that anybody may make the server connect to."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_V4_REFUSED = [ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")]
_V6_ALLOWED = ip_network("2000::/3")
_V6_REFUSED = [ip_network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]

# RFC 6052, section 2: the prefix that every NAT64 may use, and the lengths that another one may have.
_WELL_KNOWN_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)


def is_public(address: str, nat64_prefix: IPv6Network | None = None) -> bool:
    """Tell whether *address* is of the public Internet, so that anybody may make the server connect to it.

    Below *nat64_prefix*, the operator's own, and the well-known one the embedded IPv4 address is judged.
    `ipaddress.is_global` alone is no policy: it takes NAT64, site-local, multicast and documentation ranges.
    """
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or _embedded_ipv4(ip, nat64_prefix) or ip
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in net for net in _V4_REFUSED)
    return ip in _V6_ALLOWED and not any(ip in net for net in _V6_REFUSED)


def parse_nat64_prefix(text: str) -> IPv6Network:
    """Take a prefix like `2001:db8:64::/96`. Raise `ValueError` for what RFC 6052 does not allow."""
    try:
        prefix = IPv6Network(text)
    except ValueError:
        prefix = None
    if prefix is None or prefix.prefixlen not in _NAT64_LENGTHS:
        raise ValueError("must be an IPv6 prefix like 2001:db8:64::/96, of 32, 40, 48, 56, 64 or 96 bits")
    return prefix


def _embedded_ipv4(ip: IPv6Address, own: IPv6Network | None) -> IPv4Address | None:
    """Return the IPv4 address that a NAT64 would send to (RFC 6052, section 2.2)."""
    prefix = next((each for each in (own, _WELL_KNOWN_NAT64) if each and ip in each), None)
    if prefix is None:
        return None
    begin = prefix.prefixlen // 8
    # Bits 64 to 71 are zero, and no part of the address, where they would be inside it.
    raw = ip.packed if begin > 8 else ip.packed[:8] + ip.packed[9:]  # noqa: PLR2004
    return IPv4Address(raw[begin : begin + 4])
