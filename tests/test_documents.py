"""Documents that keep up with the code."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from app.protocol.errors import Refused
from app.push.outcome import Attempt, DeliveryStatus, Outcome
from app.push.push_options import push_options
from app.settings import Settings
from app.telemetry.metrics import Metrics

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

    assert named == {refusal.code for refusal in Refused.__subclasses__()}


@pytest.mark.parametrize("method", ["dial", "offer", "answer", "close", "ice"])
def test_the_protocols_push_table_is_the_codes(method: str) -> None:
    """Urgency and TTL are those that are sent."""
    (row,) = [
        line for line in PROTOCOL.splitlines() if f"`{method}`" in line and re.search(r"\| \d0 \|$", line)
    ]

    how = push_options(method, "fcm.googleapis.com")
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

    named = [package for extra in ("embedded", "redis", "tracing", "test") for package in extras[extra]]
    for package in [*project["dependencies"], *named, *javascript]:
        assert re.split("[<>=]", package)[0] in reasons


def test_every_version_is_pinned() -> None:
    """The constraints are `name==version` lines and nothing else."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[^\s;@]+", line)] == []


DOCUMENTS = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "llms.txt", "client/README.md", "peer/README.md")
    ),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("examples/*/*.md"),
]
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@each_document
def test_every_link_leads_somewhere(document: Path) -> None:
    """A relative link has a file, and its fragment a heading there."""
    links = re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", document.read_text())

    assert [link for link, _ in links if not (document.parent / link).exists()] == []
    assert [
        (link, fragment)
        for link, fragment in links
        if fragment and fragment not in fragments_of(document.parent / link if link else document)
    ] == []


def fragments_of(document: Path) -> set[str]:
    """Return the fragments of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_every_file_that_is_named_exists(document: Path) -> None:
    """By its path from the top or from its package; but what is made, like `dist/`."""
    path = r"(?:[\w.-]+/)+(?:[\w.-]+\.(?:css|html|js|json|md|py|sh|toml|yml))?"
    named = re.findall(rf"`({path})(?:::\w+)?`", document.read_text())

    packages = [ROOT / name for name in ("", "app", "client", "web", "peer", "deploy")]
    made = ("dist/", "build/", ".whisper/", ".venv/", "node_modules/")
    assert [
        name
        for name in named
        if not name.startswith(made) and not any((package / name).exists() for package in packages)
    ] == []


def test_decisions_are_numbered_once() -> None:
    """By the number in the file's name, which the title repeats."""
    files = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(file.name[:4]) for file in files]

    assert len(numbers) == len(set(numbers))
    assert [file.read_text().partition(".")[0] for file in files] == [f"# {number}" for number in numbers]


def metrics_there_are() -> set[str]:
    """Return the name of every series, once everything has happened that is measured."""
    metrics = Metrics("1", 1)
    metrics.record_call("dial", "ok", 1)
    metrics.record_push(Attempt("google", "fcm.googleapis.com", Outcome(DeliveryStatus.ACCEPTED, 201), 1))
    metrics.record_statement("find", 1)
    metrics.record_limit("dial")
    metrics.record_redis("ok", 1)
    metrics.record_refused_connection("not_http")
    metrics.record_purge(1)
    names = {re.split(r"[ {]", line)[0] for line in metrics.exposition().decode().splitlines()} - {"#"}
    return {name for name in names if not name.endswith("_created")}  # which no server process makes


def metrics_named(document: str) -> set[str]:
    """Return every metric that a document names."""
    return set(re.findall(r"\bwhisper_\w+", (ROOT / "docs" / document).read_text()))


@pytest.mark.parametrize("document", ["grafana.json", "alerts.yml"])
def test_every_metric_that_is_asked_for_exists(document: str) -> None:
    """Or a panel stays empty, and an alert silent."""
    assert metrics_named(document)
    assert metrics_named(document) - metrics_there_are() == set()


def test_the_operator_is_told_of_every_metric() -> None:
    """And of no other."""
    told = {re.sub("_(bucket|count|sum)$", "", name) for name in metrics_there_are()}

    assert metrics_named("operations.md") == told


def test_the_dashboard_can_be_loaded() -> None:
    """It has what Grafana wants, each panel its own place, and no data source of somebody's own."""
    board = json.loads((ROOT / "docs/grafana.json").read_text())

    panels = board["panels"]
    assert {"uid", "title", "schemaVersion", "templating", "time"} <= board.keys()
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert all(target["expr"] for panel in panels for target in panel["targets"])


def test_every_alert_says_what_to_do() -> None:
    """Whoever is woken has never seen it before."""
    (group,) = yaml.safe_load((ROOT / "docs/alerts.yml").read_text())["groups"]

    for rule in group["rules"]:
        assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
        assert {"summary", "action"} <= rule["annotations"].keys()
        assert rule["labels"]["severity"] in {"page", "warn"}


def test_every_threat_names_a_test_that_is_there() -> None:
    """No mitigation is only claimed."""
    model = (ROOT / "docs/threat-model.md").read_text()
    rows = [
        line
        for line in model.splitlines()
        if line.startswith("| ") and not line.startswith(("| threat", "| ---"))
    ]
    named = [re.findall(r"`(tests/[\w/.-]+\.(?:py|js))?(?:::(\w+))?`", row) for row in rows]

    assert rows
    assert all(named)
    for row in named:
        path = ""
        for file, test in row:
            path = file or path  # `::test` is in the file that was named before it
            assert (ROOT / path).is_file(), row
            assert not test or f"def {test}" in (ROOT / path).read_text(encoding="utf-8"), test


def test_the_path_of_a_dial_is_told_in_ten_sentences_about_files_that_are_there() -> None:
    """From the socket to the push service, each sentence naming its files."""
    document = (ROOT / "docs/architecture.md").read_text()
    way = document.partition("## The path of a call")[2].partition("\n## ")[0]
    sentences = re.split(r"^\d+\. ", way, flags=re.MULTILINE)[1:]

    named = [re.findall(r"`(app/[\w/]+\.py)`", sentence) for sentence in sentences]
    assert len(named) == 10
    assert all(named)
    assert [path for found in named for path in found if not (ROOT / path).exists()] == []
