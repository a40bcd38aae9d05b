"""Errors at a start, each by its own code; and subscriptions of no use. In a Chromium."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.drivers.chromium import Chromium
from tests.browser.drivers.chromium_tab import Tab
from tests.browser.users.chromium_user import bridged_chromium
from tests.deployment import Deployment, PushServiceProcess

_START = """
    const { Whisper } = await import('/js/whisper.js');
    const told = ({ code, status, message }) => ({ code, status: status ?? null, message });
    const keep = (client) => (window.whisper = client);
    const start = (worker = '/sw.js') => Whisper.start({ worker }).then(keep, told);
    const subscription = async () => (await navigator.serviceWorker.ready).pushManager.getSubscription();
"""
# The P-256 point of another server.
_OTHER_KEY = "BFL2wS9z5tcF/1NhpsCTbR4ycWLSXrk223Ww605WrIrloEgKuBOXxwadJ0eEJctA8cUyUg1OINNOyCd/rQOZtcY="
_STOP = "await globalThis.whisper?.stop?.()"


@pytest.fixture(scope="module")
def browser(push_process: PushServiceProcess, deployment: Deployment) -> Iterator[Chromium]:
    """Run a Chromium whose pages subscribe at the local push service."""
    with bridged_chromium(deployment, push_process) as running:
        yield running


@pytest.fixture
def page(browser: Chromium, deployment: Deployment) -> Iterator[Tab]:
    """Return a page of the origin in which nothing runs."""
    page = browser.open(f"{deployment.url}/js/whisper.js")
    yield page
    page.evaluate(_STOP)
    page.close()


@pytest.mark.parametrize(
    ("worker", "status", "words"),
    [
        ("/not-there.js", 404, "status 404"),
        ("/app/", 404, "status 404"),
        ("/index.html", 200, "no JavaScript, but text/html"),
        ("/app/main.js", 200, "fails when it starts"),
    ],
    ids=["missing", "a folder", "html", "broken"],
)
def test_a_worker_that_can_not_be_started_is_named(page: Tab, worker: str, status: int, words: str) -> None:
    """With what is wrong with its file, and the status that the server gave."""
    told: dict[str, Any] = page.evaluate(f"{_START} return start(arguments[0])", worker)

    assert (told["code"], told["status"]) == ("worker_unavailable", status)
    assert worker in told["message"]
    assert words in told["message"]


def test_a_storage_that_refuses_the_key_is_named(page: Tab) -> None:
    """As in iOS' Lockdown Mode; a retry without that succeeds."""
    told = page.evaluate(f"""{_START}
        const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = () => {{ throw new DOMException('no keys', 'DataCloneError'); }};
        const {{ code }} = await start();
        IDBObjectStore.prototype.put = put;
        return [code, (await start()).code ?? 'runs'];
    """)

    assert told == ["storage", "runs"]


def test_a_permission_that_goes_is_told_while_it_runs(page: Tab, browser: Chromium) -> None:
    """Taken away, or blocked by the person: each has its code."""
    page.evaluate(f"""{_START}
        const client = await start();
        window.troubles = [];
        client.addEventListener('trouble', ({{ error }}) => troubles.push(error.code));
    """)
    try:
        browser.set_notifications("denied")
        page.wait_until("return troubles.join() === 'permission_denied'")
        browser.set_notifications("prompt")
        page.wait_until("return troubles.join() === 'permission_denied,permission_revoked'")
    finally:
        browser.set_notifications("granted")


def test_the_subscription_of_another_push_system_is_left_alone(page: Tab) -> None:
    """It is named, and not ended: somebody else needs it."""
    told = page.evaluate(
        f"""{_START}
        await start();
        await whisper.stop();
        const {{ pushManager }} = await navigator.serviceWorker.ready;
        await (await subscription()).unsubscribe();
        const key = Uint8Array.from(atob(arguments[0]), (each) => each.charCodeAt());
        const foreign = await pushManager.subscribe({{ userVisibleOnly: true, applicationServerKey: key }});
        const {{ code }} = await start();
        const kept = (await subscription()).endpoint === foreign.endpoint;
        await (await subscription()).unsubscribe();
        return [code, kept];
        """,
        _OTHER_KEY,
    )

    assert told == ["foreign_subscription", True]


@pytest.mark.parametrize(
    "fault",
    [
        "{ expirationTime: Date.now() - 1 }",
        "{ endpoint: 'https://permanently-removed.invalid/fcm/send/x' }",
    ],
    ids=["expired", "removed"],
)
def test_a_subscription_of_no_use_is_replaced(page: Tab, fault: str) -> None:
    """The browser keeps it, but no push comes by it: the next start gets another, which can be called."""
    told = page.evaluate(f"""{_START}
        await start();
        await whisper.stop();
        const {{ endpoint }} = await subscription();
        const get = PushManager.prototype.getSubscription;
        PushManager.prototype.getSubscription = async function () {{
            const given = await get.call(this);
            return given?.endpoint === endpoint ? {{ ...given, {fault[2:-2]} }} : given;
        }};
        const code = (await start()).code ?? 'runs';
        PushManager.prototype.getSubscription = get;
        return [code, (await subscription()).endpoint === endpoint];
    """)

    assert told == ["runs", False]


def test_an_expiration_with_a_fraction_is_taken(page: Tab) -> None:
    """`expirationTime` is a DOMHighResTimeStamp; the protocol has integers."""
    told = page.evaluate(f"""{_START}
        const get = PushManager.prototype.getSubscription;
        PushManager.prototype.getSubscription = async function () {{
            const given = await get.call(this);
            const expirationTime = Date.now() + 1e9 + 0.25;
            const toJSON = () => ({{ ...given.toJSON(), expirationTime }});
            return given && {{ ...given, expirationTime, toJSON }};
        }};
        await start();
        const code = await whisper.update().then(() => 'runs', ({{ code }}) => code);
        PushManager.prototype.getSubscription = get;
        return code;
    """)

    assert told == "runs"
