"""Report of `whisper doctor`: one line a check, and how many failed."""

from collections.abc import AsyncIterator

from app.doctor.connectivity import check_connectivity
from app.doctor.finding import Finding
from app.doctor.settings_checks import check_settings
from app.push.ssrf_guard import INTERNET, Network
from app.settings import Settings


async def examine(settings: Settings, url: str, network: Network = INTERNET) -> int:
    """Print the findings about *settings* and the database at *url*; return 1 if a check failed, else 0."""
    failures = 0
    async for finding in _check_all(settings, url, settings.network(network)):
        failed = finding.remedy is not None
        failures += failed
        print(f"FAIL  {finding.subject}: {finding.remedy}" if failed else f"ok    {finding.subject}")
    print(f"{failures} to mend." if failures else "All is well.")
    return int(failures > 0)


async def _check_all(settings: Settings, url: str, network: Network) -> AsyncIterator[Finding]:
    for finding in check_settings(settings):
        yield finding
    async for finding in check_connectivity(settings, url, network):
        yield finding
