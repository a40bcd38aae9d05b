"""Metrics as Prometheus reads them, at an application in this process and at a server."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.http_client import TLS

# Where the applications of tests have their metrics. No server listens there: a request says that it came so.
LISTEN = ("127.0.0.1", 9464)
URL = "http://127.0.0.1:9464/metrics"

# Where servers have them, in the directory that they run in.
SOCKET = {"WHISPER_METRICS_LISTEN": "./metrics.sock"}

Samples = dict[tuple[str, ...], float]


def parse(text: str) -> Samples:
    """Return every sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def measured(client: httpx.AsyncClient) -> Samples:
    """Return every sample of the application that *client* is connected to."""
    return parse((await client.get(URL)).text)


def scrape(home: Path) -> Samples:
    """Return every sample of the server that runs in *home*, from whichever worker answers."""
    with httpx.Client(transport=httpx.HTTPTransport(verify=TLS, uds=str(home / "metrics.sock"))) as client:
        return parse(client.get("http://whisper/metrics").raise_for_status().text)
