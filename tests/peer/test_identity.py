"""Identity from a seed: the same address for ever, from a file that only its owner reads."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from tests.vector_files import vectors
from whisper_peer.identity import Identity
from whisper_peer.protocol.keys import decode

WIRE = vectors("wire.json")
ALICE = WIRE["keys"]["alice"]
BY_ALICE = [
    case for case in WIRE["cases"] if case["valid_signature"] and case["request"]["b"]["a"] == ALICE["public"]
]


def test_a_seed_has_the_address_of_the_vector() -> None:
    """The public half of the seed is the address."""
    assert Identity.of(b64decode(ALICE["seed"])).address.text == ALICE["public"]


@pytest.mark.parametrize("case", BY_ALICE, ids=lambda case: case["name"])
def test_a_call_is_signed_as_in_the_vector(case: dict[str, Any]) -> None:
    """Ed25519 is deterministic: the same data makes the same call."""
    request = case["request"]

    call = Identity.of(b64decode(ALICE["seed"])).call(request["a"], request["b"])

    assert call == request


def test_a_signature_verifies() -> None:
    """What an identity signs, its address vouches for."""
    identity = Identity.new()

    signature = identity.sign("text")

    identity.address.verify(b"text", decode(signature))


def test_new_identities_differ() -> None:
    """Nobody gets the address of somebody else."""
    assert Identity.new().address != Identity.new().address


def test_a_missing_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """The secret key is never readable by others, not even for a moment."""
    file = tmp_path / "identity"

    Identity.load_or_create(file)

    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_keeps_the_address(tmp_path: Path) -> None:
    """The second time it is the same person."""
    file = tmp_path / "identity"

    assert Identity.load_or_create(file).address == Identity.load_or_create(file).address


@pytest.mark.parametrize("content", ["", "AAAA", "not base64", "é"])
def test_a_file_without_a_seed_is_refused(tmp_path: Path, content: str) -> None:
    """Somebody else's file is neither used nor overwritten."""
    file = tmp_path / "identity"
    file.write_text(content)

    with pytest.raises(ValueError, match="does not hold an identity"):
        Identity.load_or_create(file)

    assert file.read_text() == content
