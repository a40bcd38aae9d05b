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
from tests.deployment import Deployment, PushServiceProcess, deployment_for, serving
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


@pytest.fixture
def told(push_process: PushServiceProcess, tmp_path: Path) -> Iterator[str]:
    """Run a server that is told of /whisper/; yield its origin."""
    deployment = deployment_for(push_process, tmp_path)
    env = deployment.env | {"WHISPER_ROOT_PATH": "/whisper"}
    with serving(replace(deployment, env=env)) as (_, running):
        yield f"http://localhost:{running.port}"


@pytest.fixture
def behind_nginx(deployment: Deployment, tmp_path: Path) -> Iterator[str]:
    """Run an nginx that takes /whisper/ off, before a server that knows nothing of it; yield its origin."""
    port = free_port()
    home = tmp_path / "nginx"
    with nginx(home, NGINX.format(home=home, port=port, server=deployment.port)):
        yield f"http://localhost:{port}"


@pytest.fixture(params=["told", "behind_nginx"])
def origin(request: pytest.FixtureRequest) -> str:
    """Return an origin with the app under /whisper/."""
    served: str = request.getfixturevalue(request.param)
    return served


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
