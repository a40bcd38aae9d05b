"""Two people at two terminals, a server and a push service: five programs, as the README starts them."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person
from tests.processes import Program, program


class Terminals:
    """Starter of peers in terminals."""

    def __init__(self, deployment: Deployment, push_process: PushServiceProcess, stack: ExitStack) -> None:
        self._options = ("--server", deployment.url, "--push-service", push_process.websocket_url)
        self._stack = stack

    def peer(self, *arguments: str) -> Program:
        """Start a peer, which ends with the test."""
        command = (sys.executable, "-m", "whisper_peer", *arguments, *self._options)
        return self._stack.enter_context(program(*command))

    def listening(self, *arguments: str) -> tuple[Program, str]:
        """Start a peer that waits to be dialled; return it and its address."""
        peer = self.peer("listen", *arguments)
        return peer, peer.wait_for("your address").rpartition(" ")[2]


@pytest.fixture
def terminals(deployment: Deployment, push_process: PushServiceProcess) -> Iterator[Terminals]:
    """Return what starts peers."""
    with ExitStack() as stack:
        yield Terminals(deployment, push_process, stack)


def test_two_terminals_talk(terminals: Terminals, push_process: PushServiceProcess) -> None:
    """One dials, both type, one hangs up; it took three pushes to connect and one to close."""
    bob, address = terminals.listening()
    alice = terminals.peer("dial", address)
    alice.wait_for("connected with")
    bob.wait_for("connected with")
    to_connect = push_process.taken

    alice.type("hello from alice")
    heard_by_bob = bob.wait_for("hello from alice")
    bob.type("grüß dich 👋")
    heard_by_alice = alice.wait_for("grüß dich 👋")
    alice.end_input()

    assert to_connect == 3
    assert alice.ended() == 0
    assert bob.wait_for("closed")
    assert push_process.taken == 4
    assert re.match(r"[A-Za-z0-9+/]{6}: hello from alice", heard_by_bob)
    assert heard_by_alice.startswith(address[:6])


def test_a_file_is_sent_and_saved(terminals: Terminals, tmp_path: Path) -> None:
    """Under a name that is free; without a folder or room on the disk it is refused, and its sender told."""
    sent, folder, huge = tmp_path / "notes.txt", tmp_path / "saved", tmp_path / "huge"
    sent.write_bytes(b"read me")
    huge.touch()
    os.truncate(huge, shutil.disk_usage(tmp_path).free)  # all zeros, which take no room here
    folder.mkdir()
    (folder / "notes.txt").touch()
    _, refusing = terminals.listening()
    bob, address = terminals.listening("--save", str(folder))

    refused = [terminals.peer("send", refusing, str(sent)), terminals.peer("send", address, str(huge))]
    told = bob.wait_for("a file was not saved")
    alice = terminals.peer("send", address, str(sent))

    assert alice.ended() == 0
    assert bob.wait_for("saved").endswith("(7 bytes)")
    assert (folder / "notes 2.txt").read_bytes() == b"read me"
    assert [each.ended() for each in refused] == [1, 1]
    assert all("refused" in each.output for each in refused)
    assert "No space left on device" in told


@pytest.mark.parametrize(
    ("option", "path", "missing"),
    [
        ("--save", "nowhere", "there is no folder nowhere"),
        ("--save", "/etc/hostname", "there is no folder /etc/hostname"),
        ("--record", "nowhere/call.wav", "there is no folder nowhere"),
        ("--play", "nothing.mp3", "there is no file nothing.mp3"),
    ],
)
def test_a_place_that_is_not_there_is_told_at_once(
    terminals: Terminals, option: str, path: str, missing: str
) -> None:
    """Not when somebody calls, whose file or voice would be lost."""
    refused = terminals.peer("listen", option, path)

    assert refused.ended() == 2
    assert missing in refused.output


def test_an_identity_is_kept(terminals: Terminals, tmp_path: Path) -> None:
    """With a file the address stays the same, and nobody else may read it."""
    file = tmp_path / "identity"
    first, address = terminals.listening("--identity", str(file))
    first.stop()

    _, again = terminals.listening("--identity", str(file))

    assert (again, file.stat().st_mode & 0o777) == (address, 0o600)


def test_nobody_there_is_said(terminals: Terminals) -> None:
    """Who dials a stranger reads why it failed."""
    alice = terminals.peer("dial", Person().address.text)

    assert alice.ended() == 1
    assert "unknown_recipient" in alice.output
