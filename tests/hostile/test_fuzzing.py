"""Fuzzing of every endpoint: arbitrary bytes get a documented refusal, and no push is sent."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import rfc8785
from asgi_lifespan import LifespanManager
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from app.main import create_app
from app.protocol.messages import METHODS
from app.push.vapid import VapidKey
from app.settings import Settings
from tests.api.conftest import Registered, register
from tests.people import Person, body, now_ms
from tests.push_service import PushService
from tests.vector_files import subscription_json

pytestmark = pytest.mark.anyio

PROTOCOL = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
DOCUMENTED = {
    (int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PROTOCOL, re.MULTILINE)
}
ENDPOINTS = [f"/{method}" for method in METHODS] + ["/api/v1/call"]

repeatable = hypothesis_settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(max_size=60) | st.sampled_from(
    ["", "\x00", "\ud800", "dial", "A" * 44, "A" * 43 + "=", "\u2028"]
)
numbers = st.integers() | st.sampled_from([0, -1, 2**53 - 1, 2**53, 2**64]) | st.floats()
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdefxA") | texts, inner, max_size=6)
    ),
    max_leaves=12,
)
endpoints = st.sampled_from(ENDPOINTS)
methods = st.sampled_from([*METHODS])


class Environment:
    """An application without limits, and Bob, who hears what gets through."""

    def __init__(self, client: httpx.AsyncClient, bob: Registered) -> None:
        self.client, self.bob = client, bob
        self.alice = Person()

    def honest(self, method: str) -> dict[str, Any]:
        """Return a call of Alice's that would be carried out."""
        if method == "update":
            return self.alice.update(subscription_json(self.bob.browser.endpoint), sent_at=now_ms())
        return self.alice.to(method, self.bob.person)

    async def said(self, content: bytes, path: str, **headers: str) -> bool:
        """Tell whether *content* was carried out; if not, it is a documented refusal, and nobody heard it."""
        heard = len(self.bob.browser.decrypted)
        response = await self.client.post(path, content=content, headers=headers)
        answer = response.json()
        assert abs(answer["timestamp"] - now_ms()) < 60_000
        if response.status_code == 200:
            return True
        assert (response.status_code, answer["code"]) in DOCUMENTED
        assert response.status_code < 500
        assert len(self.bob.browser.decrypted) == heard
        return False


@pytest.fixture(scope="module")
async def push_service() -> AsyncIterator[PushService]:
    """Run a push service for all the examples."""
    async with PushService.running() as running:
        yield running


@pytest.fixture(scope="module")
async def environment(migrated: URL, push_service: PushService) -> AsyncIterator[Environment]:
    """Yield a environment that stands for all the examples."""
    settings = Settings(
        _env_file=None,
        database_url=migrated.render_as_string(hide_password=False),
        vapid_private_key=VapidKey.generate().private_text,
        vapid_subject="mailto:operator@example.org",
        push_endpoints=(push_service.origin,),
        rate_limits=False,
    )
    async with (
        LifespanManager(create_app(settings)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://whisper") as client,
    ):
        yield Environment(client, await register(client, Person(), push_service.subscribe()))


def encoded(value: object) -> bytes:
    """Return *value* as JSON of the loosest kind: NaN and lone surrogates are written as they are."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def signed(person: Person, method: object, data: object) -> bytes:
    """Return a call whose signature is as right as it can be."""
    try:
        text = rfc8785.dumps(data)  # type: ignore[arg-type]  # any JSON there is
    except ValueError:  # a number or a text that RFC 8785 does not know
        text = encoded(data)
    return encoded({"a": method, "b": data, "c": person.sign(text)})


@given(content=st.binary(max_size=600), path=endpoints)
@example(content=b"\xef\xbb\xbf{}", path="/dial")
@example(content=b"[" * 8192, path="/dial")
@example(content=b'{"a":' * 1638, path="/dial")
@example(content=b"1" * 8192, path="/dial")
@example(content=b"-" + b"9" * 5000, path="/api/v1/call")
@repeatable
async def test_any_bytes_are_refused(environment: Environment, content: bytes, path: str) -> None:
    """Nothing that is not a call is taken for one."""
    assert not await environment.said(content, path)


@given(value=values, path=endpoints)
@repeatable
async def test_any_json_is_refused(environment: Environment, value: object, path: str) -> None:
    """JSON alone is not yet a call."""
    assert not await environment.said(encoded(value), path)


@given(method=methods | texts, data=values, path=endpoints)
@repeatable
async def test_any_data_is_refused(environment: Environment, method: str, data: object, path: str) -> None:
    """The shape of a call, with a signature, is not yet one either."""
    assert not await environment.said(signed(environment.alice, method, data), path)


@given(method=methods, member=st.sampled_from("abcdefx"), value=values)
@repeatable
async def test_one_wrong_member_is_refused(
    environment: Environment, method: str, member: str, value: object
) -> None:
    """All the rest is right, the signature too: anything in the place of one member, or beside them."""
    data = environment.honest(method)["b"] | {member: value}

    assert not await environment.said(signed(environment.alice, method, data), f"/{method}") or may_be(
        method, member, value
    )


def may_be(method: str, member: str, value: object) -> bool:
    """Tell whether a member may be *value*, by the protocol's table."""
    if isinstance(value, str):
        sealed = member == "e" and bool(re.fullmatch(r"(?:[A-Za-z0-9+/]{4})+", value))
        return sealed or (method, member) == ("update", "d")
    return (method, member) == ("update", "b") if value is None else member == "f" and value in (1, 2)


async def test_every_flipped_bit_is_noticed(environment: Environment) -> None:
    """A call with all members, each bit of its body once: none is carried out."""

    def full_call() -> bytes:
        return body(environment.alice.to("ice", environment.bob.person, f=1))

    for place in range(len(full_call())):
        content = full_call()
        for bit in range(8):
            assert not await environment.said(flipped(content, place, bit), "/ice")


@given(method=methods, place=st.integers(0, 1000), bit=st.integers(0, 7))
@repeatable
async def test_any_flipped_bit_is_noticed(
    environment: Environment, method: str, place: int, bit: int
) -> None:
    """The same for all methods, at the path that takes any of them."""
    content = body(environment.honest(method))

    assert not await environment.said(flipped(content, place % len(content), bit), "/api/v1/call")


def flipped(content: bytes, place: int, bit: int) -> bytes:
    """Return *content* with one bit changed."""
    return content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]


@given(
    method=methods,
    begin=st.integers(0, 1000),
    length=st.integers(0, 100),
    instead=st.binary(max_size=30)
    | st.sampled_from([b" ", b"\n", b'"', b",", b"}", b'"a":"dial",', b"\\u0061"]),
)
@repeatable
async def test_any_cut_or_paste_is_noticed(
    environment: Environment, method: str, begin: int, length: int, instead: bytes
) -> None:
    """A part gone, doubled, or another in its place: refused, or the very same call still."""
    call = environment.honest(method)
    content = body(call)
    begin %= len(content)
    changed = content[:begin] + instead + content[begin + length :]

    assert not await environment.said(changed, f"/{method}") or json.loads(changed) == call


@pytest.mark.parametrize("method", METHODS)
async def test_a_signature_is_for_one_text(environment: Environment, method: str) -> None:
    """A good signature on other good data is none."""
    this, that = environment.honest(method), environment.honest(method)
    that["b"]["a"] = Person().address.text

    assert not await environment.said(body(this | {"b": that["b"]}), f"/{method}")


@pytest.mark.parametrize("method", METHODS)
async def test_a_member_that_stands_twice_is_refused(environment: Environment, method: str) -> None:
    """Whichever of the two a reader takes, even when they agree."""
    call = environment.honest(method)
    content = body(call)
    for member, value in [*call.items(), *call["b"].items()]:
        text = f'"{member}":'.encode() + json.dumps(value, separators=(",", ":")).encode()
        assert text in content
        assert not await environment.said(content.replace(text, text + b"," + text, 1), f"/{method}")


@given(
    method=methods,
    name=st.sampled_from(
        ["content-type", "accept", "origin", "host", "x-forwarded-for", "cookie", "range", "x"]
    ),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)
@repeatable
async def test_any_header_changes_nothing(
    environment: Environment, method: str, name: str, value: str
) -> None:
    """A call is what was signed, whatever is written on its envelope."""
    assert await environment.said(body(environment.honest(method)), f"/{method}", **{name: value})


@given(verb=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"]), path=texts)
@repeatable
async def test_any_path_has_a_documented_answer(environment: Environment, verb: str, path: str) -> None:
    """There is nothing, or not by this method."""
    raw = quote(path, errors="surrogatepass")

    response = await environment.client.request(verb, f"http://whisper/unknown/{raw}")

    assert (response.status_code, response.json()["code"]) in DOCUMENTED
