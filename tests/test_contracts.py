"""Contracts with dependencies: each test names the one that has changed what is relied on."""

import asyncio
import json.encoder
import logging
import socket
import tomllib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import aiohappyeyeballs
import httptools
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from packaging.requirements import Requirement
from py_vapid import Vapid02
from pydantic import BaseModel, ConfigDict, ValidationError

pytestmark = pytest.mark.anyio

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


@pytest.mark.parametrize(
    "name",
    ["asyncpg", "fastapi", "httptools", "prometheus-client", "py-vapid", "sqlalchemy", "sqlmodel", "uvicorn"],
)
def test_what_is_under_contract_has_an_upper_bound(name: str) -> None:
    """The next release may change what is relied on: it is tried here first."""
    dependencies = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    (bounds,) = [each for each in map(Requirement, dependencies) if each.name == name]

    assert {bound.operator for bound in bounds.specifier} == {">=", "<"}


class CallbackRecorder:
    """Recorder of a parser's callbacks, by name."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *_: self.calls.append(name)


def test_py_vapid_signs_for_any_subject_with_no_strict() -> None:
    """The subject is judged by the server: a page at an https: URL with a path is one."""
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"aud": "https://push.example.org", "exp": 2_000_000_000, "sub": "https://example.org/contact?x"}

    header = Vapid02(key, {"no-strict": True}).sign(claims)["Authorization"]

    assert header.startswith("vapid t=")
    payload = header.partition("t=")[2].partition(",")[0].split(".")[1]
    assert json.loads(urlsafe_b64decode(payload + "==")) == claims


def test_httptools_tells_an_answer_in_this_order() -> None:
    """An interim answer has a beginning, headers and an end of its own."""
    told = CallbackRecorder()
    parser = httptools.HttpResponseParser(told)

    parser.feed_data(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
    )

    wanted = {"on_message_begin", "on_header", "on_headers_complete", "on_message_complete"}
    assert [call for call in told.calls if call in wanted] == [
        "on_message_begin",
        "on_header",
        "on_headers_complete",
        "on_message_complete",
        "on_message_begin",
        "on_header",
        "on_headers_complete",
        "on_message_complete",
    ]
    assert parser.get_status_code() == 201


@pytest.mark.parametrize(
    ("head", "lasts"),
    [
        (b"HTTP/1.1 201 Created\r\n", True),
        (b"HTTP/1.1 201 Created\r\nConnection: close\r\n", False),
        (b"HTTP/1.0 201 Created\r\n", False),
    ],
    ids=["kept", "closed", "old"],
)
def test_httptools_knows_whether_a_connection_lasts(head: bytes, *, lasts: bool) -> None:
    """At the end of an answer, while it tells of it."""
    kept: list[bool] = []

    class Asking:
        def on_message_complete(self) -> None:
            kept.append(parser.should_keep_alive())

    parser = httptools.HttpResponseParser(Asking())
    parser.feed_data(head + b"Content-Length: 0\r\n\r\n")

    assert kept == [lasts]


def test_httptools_wraps_what_its_listener_raises() -> None:
    """Both are caught as one: an answer that is none."""

    class Refusing:
        def on_message_begin(self) -> None:
            raise ValueError

    with pytest.raises(httptools.HttpParserError):
        httptools.HttpResponseParser(Refusing()).feed_data(b"HTTP/1.1 201 Created\r\n\r\n")
    assert not issubclass(httptools.HttpParserUpgrade, httptools.HttpParserError)


async def test_aiohappyeyeballs_makes_each_socket_by_the_factory() -> None:
    """It is given the address first, and may refuse it: so no private address is ever connected."""
    asked: list[object] = []

    def refuse(addr_info: aiohappyeyeballs.AddrInfoType) -> socket.socket:
        asked.append(addr_info[4])
        raise PermissionError

    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port)) for port in (1, 2)
    ]

    with pytest.raises(PermissionError):
        async with asyncio.timeout(2):
            await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=0.01, socket_factory=refuse
            )

    assert asked == [("127.0.0.1", 1), ("127.0.0.1", 2)]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ('"\\\b\f\n\r\t', '"\\"\\\\\\b\\f\\n\\r\\t"'),
        ("\x00\x1f", '"\\u0000\\u001f"'),
        ("\x7f\u00e9\u2028\U0001f600/", '"\x7f\u00e9\u2028\U0001f600/"'),
    ],
    ids=["short", "control", "as it is"],
)
def test_json_escapes_as_rfc_8785_does(text: str, printed: str) -> None:
    """Python does not document this function: section 3.2.2.2 is what is relied on."""
    assert json.encoder.encode_basestring(text) == printed


def test_log_records_of_one_event_differ_by_their_time() -> None:
    """So one of them is a template of the others; the milliseconds are those of the time."""
    first, second = (vars(logging.LogRecord("x", logging.INFO, "", 0, "y", (), None)) for _ in range(2))
    differing = {name for name, value in first.items() if value != second[name]}

    assert differing <= {"created", "msecs", "relativeCreated"}
    assert first["msecs"] == int(first["created"] % 1 * 1000)


def test_a_pydantic_model_validates_with_its_own_validator() -> None:
    """`model_validate` asks it, after looking at options that a call has none of."""

    class Model(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")

        number: int

    validate = Model.__pydantic_validator__.validate_python

    assert validate({"number": 1}) == Model.model_validate({"number": 1})
    with pytest.raises(ValidationError, match="2 validation errors for Model"):
        validate({"number": "1", "other": 1})
