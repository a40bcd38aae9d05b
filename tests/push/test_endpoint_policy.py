"""Endpoint policy: the names that the operator allows, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.protocol.subscription import Endpoint
from app.push.endpoint_policy import TRUSTED, EndpointPolicy
from app.push.errors import EndpointNotAllowed

SSRF = json.loads((Path(__file__).parents[1] / "vectors/ssrf.json").read_text(encoding="utf-8"))
MODES = ["browsers", "public"]


def url_of(case: dict[str, Any]) -> object:
    """Return the endpoint of a case: text, lengthened text, or another JSON value."""
    if case["url"] is None:
        return case["json_value"]
    if isinstance(case["url"], dict):
        return case["url"]["prefix"].ljust(case["url"]["total"], case["url"]["repeat"])
    return case["url"]


def cases_with(verdict: str) -> list[Any]:
    """Return a mode and an endpoint for each case of one verdict."""
    return [
        pytest.param(mode, url_of(case), id=f"{mode} {case['id']}")
        for mode in MODES
        for case in SSRF["cases"]
        if case[mode] == verdict
    ]


BAD_ORIGINS = {
    "empty": "",
    "space": " ",
    "word": "x",
    "name": "push.example.org",
    "scheme only": "http://",
    "ftp": "ftp://x",
    "capitals": "HTTPS://push.example.org",
    "host in capitals": "https://Push.example.org",
    "user": "https://user@push.example.org",
    "fragment": "https://push.example.org#",
    "query": "https://push.example.org?x",
    "star": "https://*.example.org",
    "port 0": "https://push.example.org:0",
    "port that is a word": "https://push.example.org:https",
    "path": "http://x/path",
    "trailing slash": "http://x/",
    "path and query": "http://x/?q",
    "IPv6": "http://[::1]:8100",
    "two in one": "https://a.example.org,https://b.example.org",
    "a mode in capitals": "Browsers",
    "every": "*",
}


def verdict_on(mode: str, url: object) -> str:
    """Say what /update does with an endpoint."""
    try:
        EndpointPolicy.parse([mode]).admit(Endpoint.parse(url))
    except ValueError:
        return "not an endpoint"
    except EndpointNotAllowed:
        return "not allowed"
    return "taken"


@pytest.mark.parametrize(("mode", "url"), cases_with("reject_update"))
def test_a_hostile_endpoint_is_refused(mode: str, url: object) -> None:
    """By the grammar or by the host, before any name is looked up."""
    assert verdict_on(mode, url) in ("not an endpoint", "not allowed")


@pytest.mark.parametrize(("mode", "url"), cases_with("deliver"))
def test_an_honest_endpoint_is_taken(mode: str, url: object) -> None:
    """What browsers and UnifiedPush distributors send."""
    assert verdict_on(mode, url) == "taken"


@pytest.mark.parametrize("host", SSRF["hosts_default"])
def test_every_browsers_push_service_is_reached(host: str) -> None:
    """A leading dot stands for any name below."""
    assert verdict_on("browsers", f"https://{'eu-1' if host.startswith('.') else ''}{host}/x") == "taken"


@pytest.mark.parametrize("names", [[], ["https://push.example.org"]], ids=["nothing", "one origin"])
@pytest.mark.parametrize("url", ["https://fcm.googleapis.com/fcm/send/x", "https://ntfy.sh/x"])
def test_what_the_operator_does_not_name_is_not_allowed(names: list[str], url: str) -> None:
    """There is no push service that is always reached."""
    with pytest.raises(EndpointNotAllowed):
        EndpointPolicy.parse(names).admit(Endpoint.parse(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://fcm.googleapis.com/x",
        "https://up.example.org/x",
        "http://127.0.0.1:8100/x",
        "http://lan:80/x",
    ],
)
def test_modes_and_origins_add_up(url: str) -> None:
    """An operator may name several."""
    policy = EndpointPolicy.parse(["browsers", "http://127.0.0.1:8100", "public", "http://lan"])

    policy.admit(Endpoint.parse(url))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8100/x", "http://127.0.0.1:8100/", "http://127.0.0.1:8100/a/b?c=d"]
)
def test_an_origin_that_the_operator_names_is_trusted(url: str) -> None:
    """With every path below it; its address may be private."""
    policy = EndpointPolicy.parse(["http://127.0.0.1:8100"])

    assert policy.classify(Endpoint.parse(url)) == TRUSTED


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8101/x",
        "http://127.0.0.1/x",
        "https://127.0.0.1:8100/x",
        "http://127.0.0.2:8100/x",
        "http://localhost:8100/x",
        "http://a.127.0.0.1:8100/x",
        "http://127.0.0.1.example.org:8100/x",
    ],
)
@pytest.mark.parametrize("names", [["http://127.0.0.1:8100"], ["http://127.0.0.1:8100", "public"]], ids=len)
def test_an_origin_is_trusted_exactly_as_given(names: list[str], url: str) -> None:
    """Another scheme, host or port is another origin."""
    policy = EndpointPolicy.parse(names)
    endpoint = Endpoint.parse(url)

    assert policy.classify(endpoint) != TRUSTED
    with pytest.raises(EndpointNotAllowed):
        policy.admit(endpoint)


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://push.example.org:443", "https://push.example.org/x"),
        ("https://push.example.org", "https://push.example.org:443/x"),
        ("http://push.example.org:80", "http://push.example.org/x"),
    ],
)
def test_the_port_of_the_scheme_may_be_said(origin: str, url: str) -> None:
    """It is the same origin (RFC 6454)."""
    assert EndpointPolicy.parse([origin]).classify(Endpoint.parse(url)) == TRUSTED


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("url", ["http://fcm.googleapis.com/x", "http://fcm.googleapis.com:443/x"])
def test_a_push_service_is_spoken_to_in_https(mode: str, url: str) -> None:
    """On whichever port."""
    assert verdict_on(mode, url) == "not allowed"


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_trusts_no_one(mode: str) -> None:
    """Only an origin that is named may have a private address."""
    assert EndpointPolicy.parse([mode]).classify(Endpoint.parse("https://fcm.googleapis.com/x")) == "google"


@pytest.mark.parametrize("name", BAD_ORIGINS.values(), ids=BAD_ORIGINS)
def test_what_is_no_origin_is_a_mistake_of_the_operator(name: str) -> None:
    """It is told at the start, not taken for nothing."""
    with pytest.raises(ValueError, match="not a plain https URL"):
        EndpointPolicy.parse(["browsers", name])
