"""Path prefix of the app, behind a proxy that takes it off and without one."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.browser.drivers.chromium import CHROMIUM, chromium
from tests.browser.drivers.push_bridge import bridged
from tests.browser.users.chromium_user import ChromiumUser
from tests.browser.users.user import connect
from tests.deployment import PushServiceProcess, deployment_for, serving
from tests.processes import installed, missing
from tests.scale.programs import free_port, nginx

NGINX = """
pid {home}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location /whisper/ {{
            proxy_pass http://127.0.0.1:{server}/;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"""


@pytest.fixture(params=["passed on", "taken off"])
def origin(request: pytest.FixtureRequest, push_process: PushServiceProcess, tmp_path: Path) -> Iterator[str]:
    """Serve under /whisper/, told so or behind nginx; yield the origin."""
    deployment = deployment_for(push_process, tmp_path)
    told = {"WHISPER_ROOT_PATH": "/whisper"} if request.param == "passed on" else {}
    with ExitStack() as open_:
        _, running = open_.enter_context(serving(replace(deployment, env=deployment.env | told)))
        port = running.port
        if not told:
            port = free_port()
            conf = NGINX.format(home=tmp_path / "nginx", port=port, server=running.port)
            open_.enter_context(nginx(tmp_path / "nginx", conf))
        yield f"http://localhost:{port}"


@pytest.mark.skipif(bool(missing("nginx")), reason="needs nginx")
def test_two_people_talk_under_a_prefix(origin: str, push_process: PushServiceProcess) -> None:
    """Both register, ring and write: page, worker and server agree on where the server is."""
    with ExitStack() as open_:
        people = []
        for _ in range(2):
            browser = open_.enter_context(chromium(installed(CHROMIUM)))
            open_.enter_context(bridged(browser, origin, push_process.websocket_url))
            people.append(ChromiumUser(browser, f"{origin}/whisper/"))
        alice, bob = people

        connect(alice, bob)
        alice.writes("hello from below")

        bob.reads("hello from below")
        assert [each.browser.errors for each in people] == [[], []]
