"""Contracts with uvicorn, uvloop, httptools and multiprocessing: a failure names the one that has changed.

Each assertion is about the dependency alone, not about what is made of it.
"""

import asyncio
import inspect
import multiprocessing
import re
import signal
import socket
from multiprocessing.connection import wait
from typing import Any

import httptools
import pytest
import uvicorn
import uvloop
from uvicorn.config import STARTUP_FAILURE
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import ServerState

REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
OUR_HTTP = "app.server.http_protocol:HttpProtocol"
OUR_LOOP = "app.server.draining_loop:DrainingLoop"


def parameters(function: object) -> list[str]:
    """Return the names of the parameters of *function*."""
    assert callable(function)
    return list(inspect.signature(function).parameters)


# --- uvicorn: app/server/http_protocol.py is its connection ---


def answers_of(*pieces: bytes) -> Any:  # noqa: ANN401 - the application of a test
    """Return an application that answers with *pieces*."""

    async def app(_: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        await receive()
        headers = [(b"content-length", b"%d" % sum(map(len, pieces)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    return app


def test_uvicorn_makes_a_connection_of_these() -> None:
    """Its settings, its state, and the lifespan's."""
    source = inspect.getsource(uvicorn.Server.startup)
    made = source[source.index("config.http_protocol_class(") :].partition("\n            )")[0]

    assert re.findall(r"(\w+)=", made) == ["config", "server_state", "app_state", "_loop"], (
        "uvicorn: http_protocol_class"
    )


def test_uvicorn_shares_what_is_used() -> None:
    """Connections that are told to shut down, tasks that are waited for, and the date."""
    state = ServerState()

    assert (state.connections, state.tasks, state.default_headers) == (set(), set(), []), (
        "uvicorn: ServerState"
    )


def test_uvicorn_has_the_application_with_its_proxy_headers() -> None:
    """A trusted proxy's header has replaced the client's address before ours sees it."""
    config = uvicorn.Config(answers_of(b""), log_config=None, ws="none", interface="asgi3")
    config.load()

    assert isinstance(config.loaded_app, ProxyHeadersMiddleware), "uvicorn: Config.loaded_app"


# --- uvicorn: app/server/supervisor.py runs it ---


def test_uvicorn_takes_our_classes_by_name() -> None:
    """As `http` and `loop`, although the types of its settings do not say so."""
    config = uvicorn.Config(answers_of(b""), http=OUR_HTTP, loop=OUR_LOOP, log_config=None, ws="none")
    config.load()

    assert config.http_protocol_class.__name__ == "HttpProtocol", "uvicorn: http= takes no import string"
    factory = config.get_loop_factory()
    assert getattr(factory, "__name__", "") == "DrainingLoop", "uvicorn: loop= takes no import string"


def test_uvicorn_starts_as_it_is_overridden() -> None:
    """Its server says that it has started when it listens at the sockets it was handed."""
    assert parameters(uvicorn.Server.startup) == ["self", "sockets"], "uvicorn: Server.startup"
    assert parameters(uvicorn.Server.run) == ["self", "sockets"], "uvicorn: Server.run"
    assert uvicorn.Server(uvicorn.Config(answers_of(b""), log_config=None)).started is False, (
        "uvicorn: started"
    )
    assert STARTUP_FAILURE == 3, "uvicorn: STARTUP_FAILURE"


def test_uvicorn_listens_by_what_our_loop_takes() -> None:
    """A socket, `ssl` and `backlog`, and nothing else."""
    source = inspect.getsource(uvicorn.Server.startup)
    calls = re.findall(r"loop\.create_server\(create_protocol, (sock=.*)\)", source)

    assert calls[:1] == ["sock=sock, ssl=config.ssl, backlog=config.backlog"], "uvicorn: Server.startup"


def test_uvicorn_stops_by_what_our_server_has() -> None:
    """It closes servers, tells each connection to shut down, and waits until they are closed."""
    source = inspect.getsource(uvicorn.Server)
    ending = source[source.index("async def shutdown") :]

    assert set(re.findall(r"\bserver\.(\w+)", ending)) == {"close", "wait_closed"}, "uvicorn: Server.shutdown"
    assert "connection.shutdown()" in ending, "uvicorn: Server.shutdown"


# --- uvloop: app/server/draining_loop.py inherits from its loop ---


async def _listen() -> tuple[type[Any], bool, int]:
    loop = asyncio.get_running_loop()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = await loop.create_server(asyncio.Protocol, sock=bound, ssl=None, backlog=100)
        descriptor = server.sockets[0].fileno()
        serving = server.is_serving()
        server.close()
        await server.wait_closed()
    return type(loop), serving, descriptor


def test_uvloop_serves_a_socket_that_is_bound() -> None:
    """Its servers have `sockets` with descriptors, `is_serving`, `close` and `wait_closed`."""
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        loop, serving, descriptor = runner.run(_listen())

    assert issubclass(loop, uvloop.Loop), "uvloop: Loop"
    assert serving, "uvloop: Server.is_serving"
    assert descriptor > 0, "uvloop: Server.sockets"


def test_uvloop_can_be_inherited() -> None:
    """Its loop is a class, written in C or not."""
    assert isinstance(type("Loop", (uvloop.Loop,), {})().time(), float), "uvloop: Loop can't be subclassed"


async def _set_user_timeout() -> int:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        transport, _ = await loop.create_connection(asyncio.Protocol, *listening.getsockname())
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1500)
        transport.abort()
        return int(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))


def test_uvloop_gives_its_socket_for_options() -> None:
    """The kernel's timeout of what is sent and unread is set on it."""
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        assert runner.run(_set_user_timeout()) == 1500, "uvloop: get_extra_info('socket')"


async def _write_after_the_end() -> None:
    here, there = socket.socketpair()
    with there:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=here)
        transport.abort()
        await asyncio.sleep(0.01)
        assert transport.is_closing(), "uvloop: is_closing() after the end"
        with pytest.raises(RuntimeError, match="closed"):
            transport.write(b"late")


def test_uvloop_raises_when_written_to_after_the_end() -> None:
    """Which asyncio does not: should it stop to, `ResponseWriter` need not look any more."""
    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(_write_after_the_end())


# --- httptools: app/server/request_parser.py asks its parser ---


class CallbackRecorder:
    """Recorder of a parser's callbacks."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_message_begin(self) -> None:
        """Keep it."""
        self.calls.append("begin")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the name."""
        del value
        self.calls.append(name.decode())

    def on_headers_complete(self) -> None:
        """Keep it."""
        self.calls.append("headers")

    def on_message_complete(self) -> None:
        """Keep it."""
        self.calls.append("complete")


def test_httptools_calls_in_order() -> None:
    """The head is counted until its headers are complete, the request until it is."""
    seen = CallbackRecorder()
    httptools.HttpRequestParser(seen).feed_data(REQUEST * 2)

    assert seen.calls == ["begin", "Host", "headers", "complete"] * 2, "httptools: order of callbacks"


def test_httptools_tells_of_an_upgrade_at_the_end_of_the_head() -> None:
    """And stops there, so that what follows is read by nobody."""
    upgrade = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    seen = CallbackRecorder()
    parser = httptools.HttpRequestParser(seen)

    with pytest.raises(httptools.HttpParserUpgrade):
        parser.feed_data(upgrade + REQUEST)
    assert parser.should_upgrade(), "httptools: should_upgrade"


def test_httptools_names_an_unknown_method() -> None:
    """Its error is one of its parser's errors."""
    with pytest.raises(httptools.HttpParserInvalidMethodError):
        httptools.HttpRequestParser(CallbackRecorder()).feed_data(b"GOT /x HTTP/1.1\r\n\r\n")
    assert issubclass(httptools.HttpParserInvalidMethodError, httptools.HttpParserError), "httptools: errors"


# --- multiprocessing: app/server/supervisor.py and process.py use its sentinels ---


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel], 20)


def test_multiprocessing_has_sentinels_on_both_sides() -> None:
    """A worker's tells its parent of its end; its parent's, that the parent is gone."""
    worker = multiprocessing.get_context("spawn").Process(target=_wait_for_parent, daemon=True)
    worker.start()
    assert wait([worker.sentinel], 0.1) == [], "multiprocessing: Process.sentinel"
    worker.terminate()

    assert wait([worker.sentinel], 20) == [worker.sentinel], "multiprocessing: Process.sentinel"
    worker.join()
    assert worker.exitcode == -signal.SIGTERM, "multiprocessing: Process.exitcode"


def test_multiprocessing_wakes_a_waiter_by_a_pipe_that_is_closed() -> None:
    """So a signal's handler ends the supervisor's wait, once or more often."""
    stopped, stop = multiprocessing.Pipe(duplex=False)
    with stopped:
        assert not stopped.poll(), "multiprocessing: Connection.poll"
        for _ in range(2):
            stop.close()
        assert wait([stopped], 5) == [stopped], "multiprocessing: wait on a closed pipe"
        assert stopped.poll(), "multiprocessing: Connection.poll"
