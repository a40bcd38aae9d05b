"""Special-use domain names (RFC 6761, RFC 6762, RFC 8375, RFC 9476), never on the public Internet."""

# RFC 2606 and its successors, and what routers and companies use inside.
_SPECIAL_USE = frozenset({"alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan"})
_SPECIAL_USE |= {"local", "localdomain", "localhost", "onion", "test"}


def special_use_label(host: str) -> str | None:
    """Return the last label of *host* if all names below it are of special use, else `None`."""
    label = host.rpartition(".")[2].lower()
    return label if label in _SPECIAL_USE else None
