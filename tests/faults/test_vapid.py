"""A VAPID key that can't sign for this server: it does not start, and says in one line what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.push.vapid import VapidKey
from tests.deployment import Deployment, serving
from tests.faults.harness.cluster import Cluster
from tests.faults.harness.server_process import server_settings
from tests.http_client import http
from tests.processes import whisper
from tests.push_service import PushService
from tests.push_service.crypto import base64url, p256

VARIABLE = "WHISPER_VAPID_PRIVATE_KEY"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def scalar(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the private half of *key*, as `whisper vapid` prints it."""
    number = key.private_numbers().private_value
    return base64url.encode(number.to_bytes((key.key_size + 7) // 8))


def pem() -> str:
    """Return a good key in another form, on one line as an environment variable may have it."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().replace("\n", "\\n")


NO_KEYS: dict[str, Callable[[], str]] = {
    "missing": lambda: "",
    "wrong curve": lambda: scalar(ec.generate_private_key(ec.SECP384R1())),
    "not on any point": lambda: base64url.encode(P256_ORDER.to_bytes(32)),
    "zero": lambda: base64url.encode(bytes(32)),
    "the public half": lambda: base64url.encode(
        p256.point_of(ec.generate_private_key(ec.SECP256R1()).public_key())
    ),
    "another form": pem,
    "half of it": lambda: VapidKey.generate().private_text[:21],
}


@pytest.fixture
def variables(steady_cluster: Cluster, push: PushService) -> dict[str, str]:
    """Return what a server is started with."""
    return server_settings(steady_cluster.url(steady_cluster.database()), push)


@pytest.mark.parametrize("kind", NO_KEYS)
def test_no_server_starts_without_a_key_that_signs(
    tmp_path: Path, variables: dict[str, str], kind: str
) -> None:
    """One line names the variable, and nothing of what it holds."""
    key = NO_KEYS[kind]()

    status, printed = whisper("serve", cwd=tmp_path, env=variables | {VARIABLE: key})

    assert status == 1
    (line,) = printed.splitlines()
    assert VARIABLE in line
    assert not any(key[start : start + 8] in line for start in range(max(0, len(key) - 8)))


def test_a_kept_key_that_can_not_be_read_is_no_key(tmp_path: Path, variables: dict[str, str]) -> None:
    """One line names the file; no other key is made, which would orphan everybody."""
    kept = tmp_path / ".whisper" / "vapid_private_key"
    kept.mkdir(parents=True)  # whoever runs this as root may read every file, and no folder

    status, printed = whisper("serve", cwd=tmp_path, env=variables | {VARIABLE: ""})

    assert status == 1
    (line,) = printed.splitlines()
    assert f"{Path('.whisper') / 'vapid_private_key'} can't be read" in line


def test_a_pair_is_never_mismatched(tmp_path: Path, variables: dict[str, str]) -> None:
    """Only the private half is set: what clients get is computed from it."""
    key = ec.generate_private_key(ec.SECP256R1())

    with serving(Deployment(0, variables | {VARIABLE: scalar(key)}, tmp_path)) as (_, server):
        told = http.get(f"{server.url}/config").json()["vapid_public_key"]

    assert told == base64url.encode(p256.point_of(key.public_key()))
