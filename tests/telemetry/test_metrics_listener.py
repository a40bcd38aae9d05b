"""Listener of the metrics."""

import httpx
import pytest

from app.settings import Settings
from tests.conftest import serving
from tests.metrics import URL

pytestmark = pytest.mark.anyio

ORIGIN = {"Origin": "https://app.example.org"}


@pytest.mark.parametrize("listens", [True, False], ids=["on", "off"])
@pytest.mark.parametrize(
    "headers", [{}, {"Host": "127.0.0.1:9464"}, {"X-Forwarded-For": "127.0.0.1"}], ids=str
)
async def test_the_public_port_has_no_metrics(
    settings: Settings, headers: dict[str, str], *, listens: bool
) -> None:
    """Whether they are on or not, and whatever a client or a proxy says of itself."""
    changed = settings if listens else settings.model_copy(update={"metrics_listen": None})
    async with serving(changed) as client:
        response = await client.get("/metrics", headers=headers)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_metrics_are_read_at_their_listener(client: httpx.AsyncClient) -> None:
    """As text for Prometheus; HEAD works as everywhere."""
    got, asked = await client.get(URL), await client.head(URL)

    assert (got.status_code, asked.status_code) == (200, 200)
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "whisper_build_info" in got.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/config", 404), ("GET", "/", 404), ("POST", "/dial", 404), ("POST", "/metrics", 405)],
)
async def test_nothing_else_is_served_there(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    """A mistake that publishes it publishes no API."""
    response = await client.request(method, URL.replace("/metrics", path), content=b"{}")

    assert response.status_code == status


async def test_no_page_of_another_origin_may_read_them(client: httpx.AsyncClient) -> None:
    """A browser on the machine of an operator is no way to them."""
    got = await client.get(URL, headers=ORIGIN)
    preflight = await client.options(URL, headers=ORIGIN | {"Access-Control-Request-Method": "GET"})

    assert [name for name in (*got.headers, *preflight.headers) if name.startswith("access-control")] == []
