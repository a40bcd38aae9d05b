"""Unpadded base64url (RFC 7515 appendix C), one spelling for each value."""

import base64


def encode(data: bytes) -> str:
    """Spell *data* in unpadded base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Read unpadded base64url; raise `ValueError` for any other spelling."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data
