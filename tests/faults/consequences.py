"""What calls have led to: what arrived at the push service, what is in the database."""

import asyncio
import json

from tests.faults.site import Citizen, Site
from tests.faults.traffic import PATIENCE_S, Sample, Traffic
from tests.push_service import PushService


def undelivered(traffic: Traffic, people: list[Citizen]) -> list[Sample]:
    """Return the calls that were said to be delivered, and never arrived."""
    arrived = {json.loads(message)["data"]["c"] for each in people for message in each.browser.decrypted}
    sent = [sample for sample in traffic.accepted if sample.method != "update"]
    return [sample for sample in sent if sample.call["c"] not in arrived]


def forgotten(traffic: Traffic, site: Site) -> list[str]:
    """Return the addresses whose acknowledged update is not in the database, nor a later one."""
    acknowledged: dict[str, int] = {}
    for sample in traffic.accepted:
        if sample.method == "update":
            acknowledged[sample.call["b"]["a"]] = sample.call["b"]["c"]
    stored = {address: int(at) for address, at in site.rows("encode(address, 'base64'), signed_at")}
    return [address for address, at in acknowledged.items() if stored.get(address, 0) < at]


def pushes(push: PushService, citizen: Citizen) -> int:
    """Return how many messages for *citizen* the push service was sent, whatever became of them."""
    return sum(1 for received in push.received if received.token == citizen.token)


async def arrival(push: PushService, citizen: Citizen) -> None:
    """Wait until a message for *citizen* is at the push service."""
    async with asyncio.timeout(PATIENCE_S):
        while not pushes(push, citizen):
            await asyncio.sleep(0.005)
