"""Push subscription at the receiver, by the vectors of RFC 8291."""

from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from tests.vector_files import vectors
from whisper_peer.push_subscription import Subscription

RFC_8291 = vectors("rfc/rfc8291-appendix-a.json")


def raw(name: str) -> bytes:
    """Return a value of RFC 8291, appendix A."""
    return urlsafe_b64decode(RFC_8291[name] + "==")


@pytest.fixture
def of_the_rfc() -> Subscription:
    """Return the subscription of RFC 8291, appendix A."""
    key = derive_private_key(int.from_bytes(raw("ua_private")), SECP256R1())
    return Subscription("channel", "https://push.example.net/", key, raw("auth_secret"))


def test_the_message_of_the_rfc_is_decrypted(of_the_rfc: Subscription) -> None:
    """The example of RFC 8291, section 5."""
    assert of_the_rfc.decrypt(raw("body")) == RFC_8291["plaintext_utf8"].encode()


def test_the_public_key_of_the_rfc_is_told(of_the_rfc: Subscription) -> None:
    """As a browser's `toJSON()` spells it."""
    assert of_the_rfc.as_data()["c"] == {"a": RFC_8291["ua_public"], "b": RFC_8291["auth_secret"]}


@pytest.mark.parametrize("length", [1, 20, 21, 60, 86, 100])
def test_half_a_message_is_not_decrypted(of_the_rfc: Subscription, length: int) -> None:
    """Cut off in the header, the key or the text."""
    assert not of_the_rfc.decrypt(raw("body")[:length])


def test_secrets_are_not_shown(of_the_rfc: Subscription) -> None:
    """Neither the endpoint nor a key is ever in a log."""
    assert "push.example.net" not in repr(of_the_rfc)
    assert "auth" not in repr(of_the_rfc)
