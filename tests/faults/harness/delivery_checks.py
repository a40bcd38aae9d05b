"""Delivery and durability checks: messages at the push service, rows in the database."""

import asyncio
import json

from tests.faults.harness.load_generator import CLIENT_TIMEOUT_S, Sample, Traffic
from tests.faults.harness.server_process import RunningServer, User
from tests.push_service import PushService


def undelivered_calls(traffic: Traffic, users: list[User]) -> list[Sample]:
    """Return the accepted calls whose push never arrived."""
    arrived = {json.loads(message)["data"]["c"] for each in users for message in each.browser.decrypted}
    sent = [sample for sample in traffic.accepted if sample.method != "update"]
    return [sample for sample in sent if sample.call["c"] not in arrived]


def lost_updates(traffic: Traffic, server: RunningServer) -> list[str]:
    """Return the addresses whose acknowledged update, or a later one, is not in the database."""
    acknowledged: dict[str, int] = {}
    for sample in traffic.accepted:
        if sample.method == "update":
            acknowledged[sample.call["b"]["a"]] = sample.call["b"]["c"]
    stored = {address: int(at) for address, at in server.rows("encode(address, 'base64'), signed_at")}
    return [address for address, at in acknowledged.items() if stored.get(address, 0) < at]


def count_pushes(push: PushService, user: User) -> int:
    """Count the messages for *user* that the push service received, accepted or not."""
    return sum(1 for received in push.received if received.token == user.token)


async def wait_for_push(push: PushService, user: User) -> None:
    """Wait until a message for *user* is at the push service."""
    async with asyncio.timeout(CLIENT_TIMEOUT_S):
        while not count_pushes(push, user):
            await asyncio.sleep(0.005)
