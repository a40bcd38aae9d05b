"""Bridge from the local push service to a Chromium, whose own, Google's, can't be asked here.

What is real: the server, its encrypted pushes, the push service that takes them, the keys that open them,
the app, its worker and the `push` event there. What stands in: `PushManager` in pages, which asks this bridge
for its subscription, and DevTools, which hand the worker what the bridge has received and opened.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession
from anyio import to_thread
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.browser.drivers.chromium import Chromium
from whisper_peer.push_client import PushClient

if TYPE_CHECKING:
    from whisper_peer.push_subscription import Subscription

_PUSH_MANAGER = """
    const decode = text => Uint8Array.from(atob(text), each => each.charCodeAt()).buffer;
    const encode = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)));
    const present = given => given && {
        ...given,
        options: { userVisibleOnly: true, applicationServerKey: decode(given.key) },
        toJSON: () => ({ endpoint: given.endpoint, expirationTime: null, keys: given.keys }),
        unsubscribe: () => askPushService('unsubscribe', ''),
    };
    if ('PushManager' in globalThis) Object.assign(PushManager.prototype, {
        getSubscription: async () => present(await askPushService('current', '')),
        subscribe: async ({ applicationServerKey: key }) =>
            present(await askPushService('subscribe', encode(key))),
    });
"""


class Bridge:
    """The push service as the pages of one Chromium see it: at most one subscription."""

    def __init__(self, client: PushClient, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal
        self._key = ""
        self._subscription: Subscription | None = None

    def ask(self, question: str, key: str) -> Any:
        """Answer what a `PushManager` or its subscription was asked."""
        answers = {"subscribe": self._subscribe, "unsubscribe": self._unsubscribe, "current": self._current}
        return answers[question](key)

    async def deliver_to(self, chromium: Chromium, origin: str) -> None:
        """Hand every push that comes to the worker of *origin*."""
        async for message in self._client.messages():
            if message is not None:
                await to_thread.run_sync(chromium.deliver_push, origin, message.decode())

    def _subscribe(self, key: str) -> dict[str, Any] | None:
        self._key = key
        self._subscription = self._portal.call(self._client.subscribe, _text_of(b64decode(key)))
        return self._current(key)

    def _unsubscribe(self, _key: str) -> bool:
        if self._subscription is None:
            return False
        self._portal.call(self._client.unsubscribe, self._subscription)
        self._subscription = None
        return True

    def _current(self, _key: str) -> dict[str, Any] | None:
        if self._subscription is None:
            return None
        keys = {"p256dh": _text_of(self._subscription.p256dh), "auth": _text_of(self._subscription.auth)}
        return {"endpoint": self._subscription.endpoint, "key": self._key, "keys": keys}


@contextmanager
def bridged(chromium: Chromium, origin: str, push_service: str) -> Iterator[None]:
    """Lead pushes from the WebSocket *push_service* to the pages of *origin*, opened from now on."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_connected(push_service)) as client,
    ):
        bridge = Bridge(client, portal)
        chromium.prepare("askPushService", bridge.ask, _PUSH_MANAGER)
        delivering = portal.start_task_soon(bridge.deliver_to, chromium, origin)
        try:
            yield
        finally:
            delivering.cancel()


@asynccontextmanager
async def _connected(push_service: str) -> AsyncIterator[PushClient]:
    async with ClientSession() as session, PushClient.connect(session, push_service) as client:
        yield client


def _text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
