"""Postgres of Debian's that speaks TLS on a port of this machine, with an authority of its own.

That of the wheel is built without TLS.
"""

import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from app.embedded_postgres.files import initialize, make_socket_dir, read_state, remove_socket_dir
from app.embedded_postgres.system_user import find_system_user
from tests.processes import installed
from tests.scale.programs import free_port

PASSWORD = "of the key"  # noqa: S105 - made for the test
RULES = """
local all all trust
hostssl all certified all cert
hostssl all all all trust
"""


@dataclass(frozen=True)
class TlsPostgres:
    """Running Postgres with TLS, and the files that a client may name."""

    port: int
    folder: Path

    def url(self, host: str = "localhost", user: str = "postgres", **query: str | Path) -> str:
        """Return its URL."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://{user}@{host}:{self.port}/postgres?{asked}"


class CertificateAuthority:
    """Certificate authority."""

    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.certificate = self._sign(self.name, self.key, is_authority=True)

    def write(self, folder: Path, name: str, common_name: str) -> Path:
        """Write a certificate and its key, plain and encrypted; return the certificate's file."""
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        encryption = BestAvailableEncryption(PASSWORD.encode())
        pem = self._sign(subject, key).public_bytes(Encoding.PEM)
        (folder / f"{name}.crt").write_bytes(pem)
        for suffix, how in (("key", NoEncryption()), ("locked", encryption)):
            text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
            (folder / f"{name}.{suffix}").write_bytes(text)
            (folder / f"{name}.{suffix}").chmod(0o600)
        return folder / f"{name}.crt"

    def _sign(
        self, subject: x509.Name, key: EllipticCurvePrivateKey, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
        )
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        return builder.add_extension(names, critical=False).sign(self.key, SHA256())


@contextmanager
def tls_postgres() -> Iterator[TlsPostgres]:
    """Run it until the block ends; root.crt is its authority's, other.crt a stranger's."""
    user, programs, port = find_system_user(), Path(installed("postgres")).resolve().parent, free_port()
    with tempfile.TemporaryDirectory(prefix="tls") as directory:
        folder, data = Path(directory), Path(directory) / "data"
        user.let_in(folder, programs)
        initialize(data, programs, user)
        authority = CertificateAuthority()
        for name, each in (("root", authority), ("other", CertificateAuthority())):
            (folder / f"{name}.crt").write_bytes(each.certificate.public_bytes(Encoding.PEM))
        authority.write(folder, "client", "certified")
        for path in (authority.write(data, "server", "localhost"), data / "server.key"):
            user.own(path)
        (data / "root.crt").write_bytes((folder / "root.crt").read_bytes())
        (data / "pg_hba.conf").write_text(RULES, "utf-8")
        for name in ("root.crt", "pg_hba.conf"):
            user.own(data / name)
        sockets = make_socket_dir(user)
        settings = ("ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key", "ssl_ca_file=root.crt")
        options = [option for setting in settings for option in ("-c", setting)]
        options += ["-p", str(port), "-h", "127.0.0.1"]
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(sockets), *options]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, **user.process_options())
        try:
            while (state := read_state(data)) is None or not state.is_ready:
                assert process.poll() is None, (folder / "log").read_text("utf-8")
                time.sleep(0.02)
            psql = (programs / "psql", "-h", sockets, "-p", str(port), "-U", "postgres", "-c")
            subprocess.run((*psql, "CREATE ROLE certified LOGIN"), check=True, capture_output=True)
            yield TlsPostgres(port, folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
            remove_socket_dir(sockets)
