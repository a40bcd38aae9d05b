"""Path prefix of a proxy, whether the proxy takes it off or not."""

import json
import re
from urllib.parse import urljoin

import httpx
import pytest

from app.settings import Settings
from tests.conftest import serving
from tests.people import Person, body

pytestmark = pytest.mark.anyio

PREFIXED = {"X-Forwarded-Prefix": "/whisper"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return settings of a server with the web app."""
    return settings.model_copy(update={"web_app": True})


@pytest.mark.parametrize("headers", [{}, PREFIXED], ids=["", "X-Forwarded-Prefix"])
@pytest.mark.parametrize("prefix", ["/whisper", ""], ids=["passed on", "taken off"])
async def test_everything_is_there_under_a_prefix(
    settings: Settings, alice: Person, prefix: str, headers: dict[str, str]
) -> None:
    """Calls, configuration, health, the app and the documentation."""
    async with serving(settings.model_copy(update={"root_path": "/whisper"})) as client:
        paths = ["/config", "/readyz", "/", "/client/whisper.js", "/js/worker.js", "/docs", "/openapi.json"]
        answers = {path: (await client.get(prefix + path, headers=headers)).status_code for path in paths}
        update = await client.post(f"{prefix}/update", content=body(alice.update()), headers=headers)

    assert set(answers.values()) == {200}
    assert update.status_code == 200


@pytest.mark.parametrize("path", ["/whisperer/config", "/x/config", "/whisper//config", "/config/whisper"])
async def test_another_prefix_is_none(settings: Settings, path: str) -> None:
    """Only the whole of what was set is taken off, once, and at the front."""
    async with serving(settings.model_copy(update={"root_path": "/whisper"})) as client:
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_names_nothing_at_the_root(client: httpx.AsyncClient, path: str) -> None:
    """Every address in it is relative, so that it is right under any prefix."""
    page = (await client.get(path)).text

    named = re.findall(r'(?:src|href)="([^"#]+)"', page)
    under = [urljoin(f"https://call.example.org/whisper{path}", name) for name in named]
    assert under
    assert [url for url in under if not url.startswith("https://call.example.org/whisper/")] == []


async def test_the_prefix_alone_leads_to_its_root(settings: Settings) -> None:
    """With its slash, or everything relative would be beside it."""
    async with serving(settings.model_copy(update={"root_path": "/on/whisper"})) as client:
        response = await client.get("/on/whisper")

    assert (response.status_code, response.headers["location"]) == (308, "whisper/")


async def test_the_document_names_the_server_where_it_is_itself(client: httpx.AsyncClient) -> None:
    """OpenAPI takes a server's URL relative to the document's."""
    document = json.loads((await client.get("/openapi.json")).text)

    assert document["servers"] == [{"url": "."}]


async def test_without_the_app_the_root_leads_to_the_documentation_beside_it(settings: Settings) -> None:
    """By a relative address."""
    async with serving(settings.model_copy(update={"web_app": False})) as client:
        assert (await client.get("/")).headers["location"] == "docs"
