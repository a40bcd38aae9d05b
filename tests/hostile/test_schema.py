"""Conformance to the OpenAPI document: whatever is sent, the answer is one that it describes."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import rfc8785
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks
from sqlalchemy.engine import URL

from app.api.errors import NotFound
from app.limits.errors import Overloaded, TooManyCalls
from app.protocol.errors import Refused
from app.protocol.messages import METHODS
from app.push.vapid import VapidKey
from app.store.errors import DatabaseUnavailable
from tests.deployment import Deployment, serving
from tests.people import Person, now_ms

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
]

ENDPOINTS = [f"/{method}" for method in METHODS] + ["/api/v1/call"]
QUESTIONS = ["/config", "/livez", "/readyz"]

repeatable = settings(
    derandomize=True, deadline=None, max_examples=25, suppress_health_check=list(HealthCheck), database=None
)

Case = schemathesis.Case[Any]


@pytest.fixture(scope="module")
def document(migrated: URL) -> Iterator[schemathesis.BaseSchema]:
    """Serve without limits, and yield what the server says of itself."""
    env = {
        "WHISPER_DATABASE_URL": migrated.render_as_string(hide_password=False),
        "WHISPER_VAPID_PRIVATE_KEY": VapidKey.generate().private_text,
        "WHISPER_VAPID_SUBJECT": "mailto:operator@example.org",
        "WHISPER_RATE_LIMITS": "off",
    }
    with (
        tempfile.TemporaryDirectory(prefix="wh") as home,
        serving(Deployment(0, env, Path(home))) as (_, server),
    ):
        config = schemathesis.Config(seed=1)
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)


def test_every_operation_is_tried_here(document: schemathesis.BaseSchema) -> None:
    """A new endpoint has its tests."""
    operations = map(valid, document.get_all_operations())

    assert {(operation.method.upper(), operation.path) for operation in operations} == {
        *(("POST", path) for path in ENDPOINTS),
        *(("GET", question) for question in QUESTIONS),
    }


# What is at no path has no operation.
DESCRIBED = [kind for kind in Refused.__subclasses__() if kind is not NotFound]


@pytest.mark.parametrize("refusal", DESCRIBED, ids=lambda refusal: refusal.code)
def test_every_refusal_is_described(document: schemathesis.BaseSchema, refusal: type[Refused]) -> None:
    """A client finds each code with its status."""
    responses = [valid(result).definition.raw["responses"] for result in document.get_all_operations()]

    assert any(refusal.code in json.dumps(answers.get(str(refusal.status))) for answers in responses)


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("refusal", [TooManyCalls, Overloaded, DatabaseUnavailable])
def test_every_door_may_ask_to_wait(
    document: schemathesis.BaseSchema, path: str, refusal: type[Refused]
) -> None:
    """A client that goes by the document knows that it must be ready for that."""
    answers = document[path]["POST"].definition.raw["responses"]

    assert refusal.code in json.dumps(answers.get(str(refusal.status)))


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_question_is_answered_as_described(document: schemathesis.BaseSchema, path: str) -> None:
    """Whatever is sent along with it."""
    answers_as_described(document[path]["GET"].as_strategy())


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_call_is_answered_as_described(
    document: schemathesis.BaseSchema, path: str, mode: GenerationMode
) -> None:
    """Calls that fit the document, and calls that do not."""
    answers_as_described(document[path]["POST"].as_strategy(mode))


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_signed_call_is_answered_as_described(
    document: schemathesis.BaseSchema, path: str, mode: GenerationMode
) -> None:
    """The same with a sender, a time and a signature that are right, to get further in."""
    answers_as_described(document[path]["POST"].as_strategy(mode).map(signed))


def answers_as_described(cases: SearchStrategy[Case]) -> None:
    """Make the requests; each answer's status, headers and body must be in the document."""

    @repeatable
    @given(cases)
    def examine(case: Case) -> None:
        case.call_and_validate(checks=CHECKS)

    examine()


def signed(case: Case) -> Case:
    """Make the body a call of somebody's, where it has the form of one."""
    match case.body:
        case {"b": dict(data)} as call if isinstance(call, dict):
            person = Person()
            data["a"] = person.address.text
            data |= {member: now_ms() for member in ("b", "c") if isinstance(data.get(member), int)}
            with suppress(rfc8785.CanonicalizationError):
                call["c"] = person.sign(rfc8785.dumps(cast("dict[str, Any]", data)))
    return case


def valid(result: Any) -> Any:  # noqa: ANN401 - its classes are not public
    """Return the operation, which the document describes rightly."""
    return result.ok()
