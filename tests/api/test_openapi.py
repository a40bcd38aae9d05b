"""OpenAPI document: a stranger can work from it."""

import json
from typing import Any

import httpx
import pytest

from app.api.openapi_examples import EXAMPLE_TIME, EXAMPLES
from app.protocol.envelope import read_call
from app.protocol.messages import METHODS, Message
from tests.people import body

pytestmark = pytest.mark.anyio

DOORS = [f"/{method}" for method in METHODS] + ["/api/v1/call"]


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the document that the server gives."""
    found: dict[str, Any] = (await client.get("/openapi.json")).json()
    return found


async def test_there_is_a_page_for_people(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    """Its script has the document in it, so that the page has to ask for nothing."""
    page, script = await client.get("/docs"), await client.get("/docs/start.js")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    begins, first = script.text.split(" = ", 1)
    assert (begins.strip(), json.loads(first.partition(";\n")[0])[0]) == (
        "const [spec, examples, time]",
        document,
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_example_is_a_call_that_verifies(method: str) -> None:
    """What the documentation shows was really signed."""
    call = read_call(body(EXAMPLES[method]), Message, now=EXAMPLE_TIME, window=0).verify()

    assert call.message.method == method


@pytest.mark.parametrize("path", DOORS)
async def test_every_door_shows_its_body_with_an_example(document: dict[str, Any], path: str) -> None:
    """The body is described, although the framework never parses it."""
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]

    assert content["examples"]
    assert "$ref" in json.dumps(content["schema"])


@pytest.mark.parametrize("path", DOORS)
async def test_every_refusal_of_a_door_has_its_code(document: dict[str, Any], path: str) -> None:
    """Each status lists its codes, each with an example in the one form."""
    responses = document["paths"][path]["post"]["responses"]
    refusals = {status: answer for status, answer in responses.items() if status != "200"}

    assert {"400", "401", "409", "413", "415", "422", "503"} <= refusals.keys()
    for status, answer in refusals.items():
        for code, example in answer["content"]["application/json"]["examples"].items():
            assert example["value"]["code"] == code
            assert f"`{code}`" in answer["description"], status


async def test_every_field_is_explained(document: dict[str, Any]) -> None:
    """No member of a call or an answer is left to guesswork."""
    unexplained = [
        f"{name}.{member}"
        for name, schema in document["components"]["schemas"].items()
        for member, field in schema.get("properties", {}).items()
        if "description" not in field and "$ref" not in field
    ]

    assert unexplained == []


async def test_an_absent_subscription_is_not_documented_as_null(document: dict[str, Any]) -> None:
    """A client that fills in defaults must not ask to be forgotten."""
    update = document["components"]["schemas"]["Update"]["properties"]

    assert "default" not in update["b"]
    assert update["c"]["type"] == "integer"


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """A generator of clients can follow the document."""
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names <= document["components"]["schemas"].keys()
