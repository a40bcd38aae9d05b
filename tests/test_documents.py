"""The documents keep up with the code."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from app.api.errors import HTTP_CODES
from app.protocol.errors import Refused
from app.push.policy import handling
from app.settings import Settings

ROOT = Path(__file__).parents[1]
PROTOCOL = (ROOT / "docs/protocol.md").read_text()
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("refusal", Refused.__subclasses__(), ids=lambda refusal: refusal.code)
def test_the_protocol_names_every_refusal(refusal: type[Refused]) -> None:
    """Each code is in the table, with its status."""
    assert f"| {refusal.status} | `{refusal.code}` |" in PROTOCOL


def test_the_protocol_names_no_refusal_that_is_not_there() -> None:
    """Each code in the table is one that the server gives."""
    named = set(re.findall(r"^\| \d{3} \| `(\w+)` \|", PROTOCOL, re.MULTILINE))

    codes = {refusal.code for refusal in Refused.__subclasses__()}
    assert named == codes | {code for code, _ in HTTP_CODES.values()}


@pytest.mark.parametrize("method", ["dial", "offer", "answer", "close", "ice"])
def test_the_protocols_push_table_is_the_codes(method: str) -> None:
    """Urgency and TTL are those that are sent."""
    (row,) = [
        line for line in PROTOCOL.splitlines() if f"`{method}`" in line and re.search(r"\| \d0 \|$", line)
    ]

    how = handling(method, "fcm.googleapis.com")
    assert how.urgency in row
    assert f"| {how.ttl} |" in row


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_the_readme_names_every_setting(setting: str) -> None:
    """An operator finds each variable."""
    assert f"`WHISPER_{setting.upper()}`" in README


def test_every_dependency_has_its_reason() -> None:
    """No package comes in without a line that says what for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    javascript = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    reasons = (ROOT / "docs/decisions/0001-dependencies.md").read_text()

    for package in [*project["dependencies"], *extras["embedded"], *extras["test"], *javascript]:
        assert package in reasons


def test_every_version_is_pinned() -> None:
    """The constraints are `name==version` lines and nothing else."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[^\s;@]+", line)] == []


@pytest.mark.parametrize(
    "document",
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "CONTRIBUTING.md"],
    ids=lambda path: path.name,
)
def test_every_link_leads_somewhere(document: Path) -> None:
    """A relative link has a file."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_threat_names_a_test_that_is_there() -> None:
    """No mitigation is only claimed."""
    model = (ROOT / "docs/threat-model.md").read_text()
    rows = [
        line
        for line in model.splitlines()
        if line.startswith("| ") and not line.startswith(("| threat", "| ---"))
    ]
    named = [re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row) for row in rows]

    assert rows
    assert all(named)
    for path, test in [found for row in named for found in row]:
        assert (ROOT / path).exists(), path
        assert f"def {test}" in (ROOT / path).read_text(), test
