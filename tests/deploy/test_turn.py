"""Start script of the TURN server: addresses, quotas, denied peers, and what compose gives it."""

import os
import re
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest

from tests.deploy.compose_files import ROOT, load_compose

# The IANA special-purpose address registries for IPv4 and IPv6, with the entries that were taken out.
SPECIAL_IPV4 = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
    198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32
"""
SPECIAL_IPV6 = """
    ::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32
    2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
    2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
"""
# In other registries: multicast, site-local and IPv4-compatible addresses; and the metadata server of Azure.
ALSO_SPECIAL = "224.0.0.0/4 ff00::/8 fec0::/10 ::/96 168.63.129.16/32"
PUBLIC = (
    "1.1.1.1 8.8.8.8 100.128.0.1 172.32.0.1 193.0.0.1 223.255.255.255 2001:200::1 2606:4700::1111 2a00::1"
)


@dataclass
class Started:
    """Flags and configuration that turnserver was started with."""

    flags: list[str]
    conf: str

    def values(self, name: str) -> list[str]:
        """Return the values of a flag, in order."""
        return [flag.partition("=")[2] for flag in self.flags if flag.startswith(f"--{name}=")]

    def denied(self) -> list[tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]]:
        """Return the denied ranges, their first and last addresses."""
        ranges = [each.split("-") for each in self.values("denied-peer-ip")]
        return [(ip_address(first), ip_address(last)) for first, last in ranges]

    def denies(self, address: IPv4Address | IPv6Address) -> bool:
        """Tell whether an address is in a denied range."""
        return any(
            int(first) <= int(address) <= int(last)
            for first, last in self.denied()
            if first.version == address.version
        )


def write_stub(folder: Path, name: str, script: str) -> None:
    """Write a program that takes the place of a real one on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def start(home: Path, addresses: str, **env: str) -> Started:
    """Run the script in a container with these *addresses*, up to turnserver."""
    write_stub(home / "bin", "hostname", f'[ "$*" = -i ] && echo "{addresses}"')
    write_stub(home / "bin", "getent", 'echo "192.0.2.9       STREAM $2"')
    write_stub(home / "bin", "turnserver", 'cat "$2"; echo --; printf "%s\\n" "$@"')
    environment = {"TURN_SECRET": "shared+/=", "TMPDIR": str(home), "CADDY_POLL_S": "0.05"}
    path = f"{home}/bin:{os.environ['PATH']}"
    with (home / "printed").open(
        "w+"
    ) as printed:  # no pipe: the script's watch for a certificate would hold it open
        command = ["/bin/sh", str(ROOT / "deploy/turnserver.sh")]
        subprocess.run(
            command, env={"PATH": path} | environment | env, stdout=printed, check=True, timeout=20
        )
        printed.seek(0)
        conf, _, flags = printed.read().partition("--\n")
    return Started(flags.splitlines(), conf)


@pytest.mark.parametrize(
    "addresses", ["172.29.0.5", "172.29.0.5 fd00::5", "fd00::5 172.29.0.5", "fd00::5 172.29.0.5 172.30.0.5"]
)
def test_peers_are_told_the_public_ipv4_address(tmp_path: Path, addresses: str) -> None:
    """Whatever addresses the container has, and in whatever order; no flag is an address by mistake."""
    started = start(tmp_path, addresses, TURN_EXTERNAL_IP="198.51.100.7")

    assert started.values("external-ip") == ["198.51.100.7/172.29.0.5"]
    assert started.values("relay-ip") == ["172.29.0.5"]
    assert [flag for flag in started.flags[2:] if not flag.startswith("--")] == []


@pytest.mark.parametrize("addresses", ["172.29.0.5 fd00::5", "fd00::5 172.29.0.5"])
def test_peers_are_told_both_families(tmp_path: Path, addresses: str) -> None:
    """When the machine's public IPv6 address is set, too."""
    public = {"TURN_EXTERNAL_IP": "198.51.100.7", "TURN_EXTERNAL_IPV6": "2a00::7"}
    started = start(tmp_path, addresses, **public)

    assert set(started.values("external-ip")) == {"198.51.100.7/172.29.0.5", "2a00::7/fd00::5"}
    assert set(started.values("relay-ip")) == {"172.29.0.5", "fd00::5"}


def test_the_public_address_is_that_of_the_domain(tmp_path: Path) -> None:
    """Unless one is set."""
    started = start(tmp_path, "172.29.0.5", DOMAIN="call.example")

    assert started.values("external-ip") == ["192.0.2.9/172.29.0.5"]


def test_a_domain_without_an_address_does_not_start(tmp_path: Path) -> None:
    """The line names the setting that mends it."""
    write_stub(tmp_path / "bin", "getent", "exit 2")
    write_stub(tmp_path / "bin", "hostname", "echo 172.29.0.5")
    ran = subprocess.run(
        ["/bin/sh", str(ROOT / "deploy/turnserver.sh")],
        env={
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "DOMAIN": "call.example",
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert ran.returncode == 1
    assert "TURN_EXTERNAL_IP" in ran.stderr


def test_the_secret_is_in_a_file(tmp_path: Path) -> None:
    """A command line is visible to every process."""
    started = start(tmp_path, "172.29.0.5")

    assert started.conf == "static-auth-secret=shared+/=\n"
    assert not any("shared" in flag for flag in started.flags)
    assert "--use-auth-secret" in started.flags


@pytest.mark.parametrize("network", f"{SPECIAL_IPV4} {SPECIAL_IPV6} {ALSO_SPECIAL}".split())
def test_a_relay_leads_to_no_special_address(tmp_path: Path, network: str) -> None:
    """One denied range has all of it; only :: is refused by turnserver itself."""
    special = ip_network(network)
    lowest = int(special[0]) + (str(special[0]) == "::")

    assert any(
        int(first) <= lowest and int(special[-1]) <= int(last)
        for first, last in start(tmp_path, "172.29.0.5").denied()
        if first.version == special.version
    )


def test_a_relay_leads_to_public_addresses(tmp_path: Path) -> None:
    """Also to those beside a denied range."""
    started = start(tmp_path, "172.29.0.5")

    assert [each for each in PUBLIC.split() if started.denies(ip_address(each))] == []
    assert "--no-tcp-relay" in started.flags


def test_what_one_user_and_all_together_relay_is_limited(tmp_path: Path) -> None:
    """There is a port for each allocation, and nobody can take all of them."""
    started = start(tmp_path, "172.29.0.5")
    (total,) = map(int, started.values("total-quota"))
    (user,) = map(int, started.values("user-quota"))
    (low,), (high,) = started.values("min-port"), started.values("max-port")

    assert int(high) - int(low) + 1 == total
    assert 0 < user <= total // 5
    assert int(started.values("max-bps")[0]) > 0


def test_compose_publishes_the_relay_s_ports(tmp_path: Path) -> None:
    """Those that turnserver picks from, under the same numbers, and the quota's default is the script's."""
    started = start(tmp_path, "172.29.0.5")
    coturn = load_compose("docker-compose.yml", "WHISPER_TURN_SECRET=s")["services"]["coturn"]
    ports = f"{started.values('min-port')[0]}-{started.values('max-port')[0]}"

    assert f"127.0.0.1:{ports}:{ports}/udp" in coturn["ports"]
    assert started.values("user-quota") == [coturn["environment"]["TURN_USER_QUOTA"]]
    assert coturn["entrypoint"] == ["sh", "/turnserver.sh"]
    assert "./deploy/turnserver.sh:/turnserver.sh:ro" in coturn["volumes"]


def test_compose_gives_the_script_what_it_reads() -> None:
    """Each variable, and Caddy's certificates at the place where it looks for them."""
    script = (ROOT / "deploy/turnserver.sh").read_text()
    compose = load_compose("docker-compose.yml", "WHISPER_TURN_SECRET=s")["services"]
    read = set(re.findall(r"\$\{?((?:TURN|DOMAIN)[A-Z_0-9]*)", script))
    (volume,) = [each for each in compose["coturn"]["volumes"] if each.startswith("caddy-data")]

    assert compose["coturn"]["environment"].keys() == read
    assert f"{volume.split(':')[0]}:/data" in compose["caddy"]["volumes"]
    assert f"{volume.split(':')[1]}/caddy/certificates" in script
