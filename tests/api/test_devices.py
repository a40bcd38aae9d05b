"""Several devices of one address, for their owner and for callers: the rules of docs/protocol.md."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from app.protocol.constants import MAX_DEVICES
from app.protocol.envelope import read_call
from app.protocol.errors import InvalidCall
from app.protocol.messages import Message
from app.push.deadlines import Deadlines
from app.settings import Settings
from tests.api.conftest import post
from tests.conftest import Clock, serving
from tests.metrics import measured
from tests.people import Person, body, now_ms
from tests.push_service import PushService, Subscription
from tests.vector_files import subscription_json, vectors

pytestmark = pytest.mark.anyio

VECTORS = vectors("devices.json")
NOBODYS = "nobodysdevic"
PEOPLE = {"a": "alice", "b": "bob", "m": "mallory"}


@pytest.mark.parametrize("case", VECTORS["wire"], ids=lambda case: case["name"])
def test_the_wire_is_as_the_vectors_have_it(case: dict[str, Any]) -> None:
    """Letters, shape and signed text of each method."""
    try:
        unverified = read_call(body(case["request"]), Message, now=VECTORS["timestamp"], window=0)
    except InvalidCall:
        assert not case["valid"]
    else:
        assert case["valid"]
        assert unverified.verify().text == case["signed_text"]


@dataclass
class Environment:
    """People with devices, registered at a server in this process."""

    client: httpx.AsyncClient
    push_service: PushService
    people: dict[str, Person] = field(default_factory=lambda: {name: Person() for name in PEOPLE.values()})
    browsers: dict[str, Subscription] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=lambda: {"?": NOBODYS})

    async def add(self, name: str, sent_at: int | None = None) -> dict[str, Any]:
        """Register the device *name*, and return the server's answer."""
        person = self.people[PEOPLE[name[0]]]
        browser = self.browsers.setdefault(name, self.push_service.subscribe())
        said = subscription_json(browser.endpoint, browser.p256dh, browser.auth)
        response = await post(self.client, person.update(said, sent_at or now_ms()))
        answer: dict[str, Any] = response.json()
        assert response.status_code == 200, answer
        self.ids[name] = answer["device"]
        return answer

    async def live(self, person: str) -> list[str]:
        """Return the names of the devices of *person* that are registered."""
        response = await post(self.client, self.people[person].update(sent_at=now_ms()))
        names = {identity: name for name, identity in self.ids.items()}
        return [names[each["id"]] for each in response.json().get("devices", [])]

    @property
    def pushed(self) -> dict[str, list[dict[str, Any]]]:
        """What has reached each device that anything has reached."""
        return {
            name: [json.loads(each) for each in browser.decrypted]
            for name, browser in self.browsers.items()
            if browser.decrypted
        }


@pytest.fixture
async def environment(client: httpx.AsyncClient, push_service: PushService) -> Environment:
    """Return a environment without devices."""
    return Environment(client, push_service)


def letters(method: str) -> tuple[str, str]:
    """Return the members of *method* for the device it is from, and the one it is to."""
    return {"dial": ("e", "f"), "close": ("d", "e"), "ice": ("g", "h")}.get(method, ("f", "g"))


@pytest.mark.parametrize("case", VECTORS["relay"], ids=lambda case: case["name"])
async def test_a_call_goes_where_it_is_meant_to(environment: Environment, case: dict[str, Any]) -> None:
    """To all devices or to one; its sender is told the refusal that says most; what is gone is deleted."""
    for name, answers in case["push_services"].items():
        await environment.add(name)
        environment.push_service.script(answers, environment.browsers[name].endpoint.rpartition("/")[2])
    said = case["call"]
    from_letter, to_letter = letters(said["method"])
    members = {
        from_letter: environment.ids.get(said.get("from")),
        to_letter: environment.ids.get(said.get("to")),
    }
    sender, recipient = environment.people[said["sender"]], environment.people[said["recipient"]]

    response = await post(environment.client, sender.to(said["method"], recipient, **members))

    answer = {"status": response.status_code, "code": response.json().get("code")}
    counts = {name: [each.get("devices") for each in pushed] for name, pushed in environment.pushed.items()}
    assert answer == case["answer"]
    assert counts == {name: [count] for name, count in case["pushed"].items()}
    assert await environment.live("bob") == [name for name in case["live"] if name.startswith("b")]


async def test_an_update_tells_its_device_and_all_devices(environment: Environment) -> None:
    """With the times of their last updates, that of longest ago first; the same device keeps its id."""
    first = await environment.add("b1")
    await environment.add("b2")
    again = await environment.add("b1")

    assert first["device"] == again["device"]
    assert first["devices"] == [{"id": first["device"], "updated": pytest.approx(now_ms(), abs=5000)}]
    assert [each["id"] for each in again["devices"]] == [environment.ids["b2"], environment.ids["b1"]]


async def test_what_somebody_may_have_recorded_is_told_no_devices(environment: Environment) -> None:
    """An update without a timestamp, of an address that is registered."""
    browser = environment.push_service.subscribe()
    update = environment.people["bob"].update(
        subscription_json(browser.endpoint, browser.p256dh, browser.auth)
    )

    first, again = [(await post(environment.client, update)).json() for _ in range(2)]

    assert (set(first), set(again)) == ({"ok", "timestamp", "device", "devices"}, {"ok", "timestamp"})


async def test_one_device_too_many_replaces_the_one_that_was_not_seen_for_longest(
    environment: Environment,
) -> None:
    """The answer says so: the first is not among them."""
    names = [f"b{number}" for number in range(MAX_DEVICES + 1)]
    answers = [await environment.add(name) for name in names]

    assert [len(each["devices"]) for each in answers] == [*range(1, MAX_DEVICES + 1), MAX_DEVICES]
    assert await environment.live("bob") == names[1:]


async def end(environment: Environment, person: str, device: str) -> httpx.Response:
    """Have *person* end a device."""
    signer = environment.people[person]
    data = {"a": signer.address.text, "b": None, "c": now_ms() + 10, "e": environment.ids[device]}
    return await post(environment.client, signer.call("update", data))


async def test_a_person_ends_a_device(environment: Environment) -> None:
    """From any other; it is called no more, and comes back when it registers again."""
    for name in ("b1", "b2"):
        await environment.add(name)

    response = await end(environment, "bob", "b1")
    ended = await environment.live("bob")
    await environment.add("b1", now_ms() + 20)

    assert [each["id"] for each in response.json()["devices"]] == [environment.ids["b2"]]
    assert (ended, await environment.live("bob")) == (["b2"], ["b2", "b1"])


@pytest.mark.parametrize("device", ["b1", "?"], ids=["somebody else's", "nobody's"])
async def test_nobody_ends_the_device_of_another(environment: Environment, device: str) -> None:
    """It ends nothing, and does not tell whether there is such a device."""
    for name in ("b1", "m1"):
        await environment.add(name)

    response = await end(environment, "mallory", device)

    assert [each["id"] for each in response.json()["devices"]] == [environment.ids["m1"]]
    assert (await environment.live("bob"), await environment.live("mallory")) == (["b1"], ["m1"])


async def test_a_subscription_that_has_expired_ends_its_device(environment: Environment) -> None:
    """With a timestamp; the others stay."""
    for name in ("b1", "b2"):
        await environment.add(name)
    browser, bob = environment.browsers["b1"], environment.people["bob"]
    said = subscription_json(browser.endpoint, browser.p256dh, browser.auth) | {"b": now_ms() - 1}

    response = await post(environment.client, bob.update(said, now_ms() + 10))

    assert [each["id"] for each in response.json()["devices"]] == [environment.ids["b2"]]
    assert await environment.live("bob") == ["b2"]


async def test_the_last_device_that_is_ended_leaves_nobody(environment: Environment) -> None:
    """Whoever ends it once more is told nothing of devices."""
    await environment.add("b1")

    told = [set((await end(environment, "bob", "b1")).json()) for _ in range(2)]
    response = await post(
        environment.client, environment.people["alice"].to("dial", environment.people["bob"])
    )

    assert told == [{"ok", "timestamp"}] * 2
    assert (response.status_code, response.json()["code"]) == (404, "unknown_recipient")


async def test_a_call_to_many_devices_counts_once(environment: Environment, clock: Clock) -> None:
    """Five dials are allowed at once, and each of them rings on both devices."""
    for name in ("b1", "b2"):
        await environment.add(name)
    alice, bob = environment.people["alice"], environment.people["bob"]
    calls = [alice.to("dial", bob, b=clock() + number) for number in range(6)]

    statuses = [(await post(environment.client, call)).status_code for call in calls]

    assert statuses == [200] * 5 + [429]
    assert {name: len(pushed) for name, pushed in environment.pushed.items()} == {"b1": 5, "b2": 5}
    assert (
        sum(
            value
            for name, value in (await measured(environment.client)).items()
            if name[0] == "whisper_push_total"
        )
        == 10
    )


async def test_a_push_service_that_hangs_holds_a_call_up_no_longer_than_alone(
    settings: Settings, push_service: PushService, clock: Clock
) -> None:
    """All are sent to at once, under one deadline; one that accepted is enough."""
    async with serving(settings, clock, deadlines=Deadlines(total_s=0.9, attempt_s=0.6)) as client:
        environment = Environment(client, push_service)
        for name in ("b1", "b2", "b3"):
            await environment.add(name)
        for name in ("b1", "b2"):
            push_service.script([{"hang": "head"}], environment.browsers[name].endpoint.rpartition("/")[2])
        response = await post(client, environment.people["alice"].to("dial", environment.people["bob"]))

    assert (response.status_code, list(environment.pushed)) == (200, ["b3"])


async def test_a_call_that_is_given_up_leaves_no_push_to_wait_for(environment: Environment) -> None:
    """Of several devices whose push services hang, each is let go of with the call."""
    for name in ("b1", "b2", "b3"):
        await environment.add(name)
        environment.push_service.script(
            [{"hang": "head"}], environment.browsers[name].endpoint.rpartition("/")[2]
        )
    others = asyncio.all_tasks()
    call = asyncio.create_task(
        post(environment.client, environment.people["alice"].to("dial", environment.people["bob"]))
    )
    async with asyncio.timeout(5):
        while len(environment.push_service.received) < len(environment.browsers):
            await asyncio.sleep(0.01)

    call.cancel()
    await asyncio.wait([call])
    await asyncio.sleep(0)

    left = [each.get_coro() for each in asyncio.all_tasks() - others]
    assert [each for each in left if "FanOut" in repr(each)] == []
