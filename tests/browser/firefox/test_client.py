"""Client as an app uses it: two pages without an interface, and what their scripts see."""

from collections.abc import Iterator

import pytest

from tests.browser.drivers.firefox import FIREFOX, firefox
from tests.browser.users.client_page import App, connect
from tests.deployment import Deployment, PushServiceProcess
from tests.people import Person
from tests.processes import installed


@pytest.fixture(scope="module")
def apps(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[tuple[App, App]]:
    """Run two browsers, each with the app, which is no more than a script."""
    with (
        firefox(installed(FIREFOX), push_process.websocket_url) as one,
        firefox(installed(FIREFOX), push_process.websocket_url) as other,
    ):
        blank = f"{deployment.url}/js/whisper.js"  # the policy of the origin, and nothing that runs
        yield App(one.open(blank)), App(other.open(blank))


@pytest.fixture
def anna(apps: tuple[App, App]) -> App:
    """Return an app that is not connected, and has heard nothing."""
    for app in apps:
        app.run("Promise.all([...whisper.peers.values()].map((peer) => peer.close()))")
    for app in apps:
        app.page.wait_until("return whisper.peers.size === 0")
        app.run("(window.heard = [], window.accepting = true)")
    return apps[0]


@pytest.fixture
def ben(anna: App, apps: tuple[App, App]) -> App:
    """Return another."""
    assert anna is apps[0]
    return apps[1]


def test_any_json_value_arrives(anna: App, ben: App) -> None:
    """As it was sent."""
    connect(anna, ben)
    value = {"grüß": [1, 2.5, None, True, {"": "👋"}]}

    anna.run("peer.send(arguments[0])", value)

    ben.hears("message", value)


def test_large_and_small_values_keep_their_order(anna: App, ben: App) -> None:
    """Three megabytes go in parts, and nothing overtakes them."""
    connect(anna, ben)

    anna.run("Promise.all(['first', 'x'.repeat(3_000_000), 'last'].map((value) => peer.send(value)))")

    ben.hears("message", "last")
    sizes = ben.run("heard.filter(([kind]) => kind === 'message').map(([, value]) => value.length)")
    assert sizes == [5, 3_000_000, 4]


def test_a_receipt_tells_what_has_arrived(anna: App, ben: App) -> None:
    """Numbers count from one."""
    connect(anna, ben)

    numbers = anna.run("Promise.all(['a', 'b', 'c'].map((value) => peer.send(value)))")

    assert numbers == [1, 2, 3]
    anna.page.wait_until("return peer.delivered === 3")


def test_messages_can_be_iterated(anna: App, ben: App) -> None:
    """From the first, until they hang up."""
    connect(anna, ben)
    ben.run(
        """((async () => {
            window.read = [];
            for await (const each of peer.messages) read.push(each);
            read.push('end');
        })(), 0)"""
    )

    anna.run("peer.send('one').then(() => peer.send('two'))")
    ben.page.wait_until("return read.join() === 'one,two'")
    anna.run("peer.close()")

    ben.page.wait_until("return read.join() === 'one,two,end'")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("() => 0", "not_json"),
        ("10n", "not_json"),
        ("undefined", "not_json"),
        ("new Map([[1, 2]])", "not_json"),
        ("[NaN]", "not_json"),
        ("new ArrayBuffer(17_000_000)", "message_too_large"),
        ("'x'.repeat(17_000_000)", "message_too_large"),
    ],
    ids=["function", "bigint", "undefined", "Map", "NaN", "too many bytes", "too large"],
)
def test_what_cannot_be_sent_is_refused(anna: App, ben: App, value: str, code: str) -> None:
    """And the connection goes on."""
    connect(anna, ben)

    refused = anna.attempt(f"peer.send({value})")

    assert refused == {"code": code}
    assert anna.run("peer.state") == "open"


def test_bytes_arrive_as_bytes(anna: App, ben: App) -> None:
    """Buffers, views and blobs, of any size and also of none, in their order among the rest."""
    connect(anna, ben)
    ben.run("(window.sizes = [], window.accepting = true)")
    ben.run(
        """(peer.addEventListener('message', ({ data }) => {
            const { constructor, length } = data.wrappedJSObject ?? data; // as the page sees it
            sizes.push([constructor.name, length, (data.wrappedJSObject ?? data).at(-1) ?? null]);
        }), 0)"""
    )

    anna.run(
        """Promise.all([
            new Blob([new Uint8Array(100_000).fill(7)]), 'text', new Uint8Array([1, 2, 3]).buffer,
            new Uint16Array([1, 2, 513]).subarray(2), new ArrayBuffer(0), 'last',
        ].map((value) => peer.send(value)))"""
    )

    ben.page.wait_until("return sizes.length === 6")
    assert ben.run("sizes") == [
        ["Uint8Array", 100_000, 7],
        ["String", 4, "t"],
        ["Uint8Array", 3, 3],
        ["Uint8Array", 2, 2],
        ["Uint8Array", 0, None],
        ["String", 4, "t"],
    ]


def test_only_a_file_is_sent_as_a_file(anna: App, ben: App) -> None:
    """A text is refused before the other hears of it."""
    connect(anna, ben)

    assert anna.attempt("peer.sendFile('text')") == {"code": "not_a_file"}


def test_after_the_end_nothing_is_sent(anna: App, ben: App) -> None:
    """It is not lost in silence."""
    connect(anna, ben)
    ben.run("peer.close()")
    anna.hears("close", "hung_up")

    assert anna.attempt("peer.send('too late')") == {"code": "not_connected"}


def test_a_transfer_can_be_cancelled(anna: App, ben: App) -> None:
    """By the one who is offered a file; both are told, and the connection goes on."""
    connect(anna, ben)
    anna.run("(window.sending = peer.sendFile(new File(['x'.repeat(1000)], 'a.txt')), 0)")
    ben.page.wait_until("return window.transfer?.name === 'a.txt'")

    ben.run("transfer.cancel()")

    assert anna.attempt("sending.done") == {"code": "transfer_cancelled"}
    assert anna.run("peer.send('still here').then(() => peer.state)") == "open"


@pytest.mark.parametrize(
    ("address", "code"),
    [("nonsense", "invalid_address"), (None, "own_address"), (Person().address.text, "unknown_recipient")],
    ids=["no address", "my own", "a stranger"],
)
def test_a_wrong_dial_fails_by_name(anna: App, address: str | None, code: str) -> None:
    """A program branches on the code."""
    refused = anna.attempt("whisper.dial(arguments[0]).then(() => 0)", address or anna.address)

    assert refused == {"code": code}


def test_a_second_dial_is_one_too_many(anna: App, ben: App) -> None:
    """There is a connection already."""
    connect(anna, ben)

    again = anna.attempt("whisper.dial(arguments[0]).then(() => 0)", ben.address)

    assert again == {"code": "already_connected"}


def test_nobody_answers(anna: App, ben: App) -> None:
    """Who dialled is told in time, and the other's phone rings no more: a missed call."""
    ben.run("(window.accepting = false)")

    failed = anna.attempt("whisper.dial(arguments[0], { timeout: 500 }).then(() => 0)", ben.address)

    assert failed == {"code": "no_answer"}
    ben.hears("silent", "hung_up")
    ben.hears("missed", anna.address)


def test_a_dial_can_be_cancelled(anna: App, ben: App) -> None:
    """By an `AbortSignal`, as in the platform; the other rings no more."""
    ben.run("(window.accepting = false)")
    anna.run("(window.stop = new AbortController(), 0)")
    anna.run(
        """(window.dialling = whisper.dial(arguments[0], { signal: stop.signal })
            .then(() => 0, ({ code }) => code), 0)""",
        ben.address,
    )
    ben.hears("dial", anna.address)

    anna.run("(stop.abort(), 0)")

    assert anna.run("dialling") == "cancelled"
    ben.hears("silent", "hung_up")


def test_a_call_can_be_accepted_once(anna: App, ben: App) -> None:
    """The second time it rings no more."""
    connect(anna, ben)

    assert ben.attempt("ringing.accept().then(() => 0)") == {"code": "answered"}


def test_media_can_be_shared_from_the_start(anna: App, ben: App) -> None:
    """A call with video is still three pushes: the connection comes first."""
    call = """
        (async () => {
            const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
            return (await whisper.dial(arguments[0], { stream })).pushes;
        }).apply(null, arguments)
    """

    pushes = anna.page.evaluate(f"return await {call}", ben.address)

    assert pushes == 3
    ben.page.wait_until("return peer.remote.getTracks().length === 2")


def test_a_call_asks_for_the_microphone_first(anna: App, ben: App) -> None:
    """The other is told what is wanted before they answer, and hears at once: three pushes, as ever."""
    pushes = anna.page.evaluate(
        """
        const peer = await whisper.call(arguments[0], { audio: true, video: true });
        return [peer.pushes, peer.shared.getTracks().length];
        """,
        ben.address,
    )

    assert pushes == [3, 2]
    assert ben.run("[ringing.wants.audio, ringing.wants.video]") == [True, True]
    ben.page.wait_until("return peer.remote.getTracks().length === 2")


def test_a_call_without_devices_never_rings(anna: App, ben: App) -> None:
    """It says what is missing; and no device goes on running after a call that failed."""
    refused = anna.attempt(
        "whisper.call(arguments[0], { audio: { deviceId: { exact: 'none' } } }).then(() => 0)", ben.address
    )
    unknown = anna.attempt("whisper.call(arguments[0]).then(() => 0)", Person().address.text)

    assert refused == {"code": "media_not_found"}
    assert unknown == {"code": "unknown_recipient"}
    assert ben.run("heard") == []


def test_the_key_cannot_be_taken_out(anna: App) -> None:
    """Not even by the app."""
    key = anna.page.evaluate("""
        const database = await new Promise((resolve) => {
            indexedDB.open('whisper').onsuccess = (event) => resolve(event.target.result);
        });
        const { key } = await new Promise((resolve) => {
            const kept = database.transaction('identity').objectStore('identity').get('me');
            kept.onsuccess = () => resolve(kept.result);
        });
        database.close();
        return [key.extractable, await crypto.subtle.exportKey('pkcs8', key).catch((error) => error.name)];
    """)

    assert key == [False, "InvalidAccessError"]


def test_registering_again_changes_nothing(anna: App, ben: App) -> None:
    """The same subscription, a newer timestamp."""
    ben.run("whisper.update()")

    connect(anna, ben)


def test_who_is_forgotten_cannot_be_reached(anna: App, ben: App) -> None:
    """Until they register again."""
    ben.run("whisper.forget()")

    gone = anna.attempt("whisper.dial(arguments[0]).then(() => 0)", ben.address)
    ben.run("whisper.update()")

    assert gone == {"code": "unknown_recipient"}
    connect(anna, ben)
