"""Deployment at scale: `deploy/` held against the settings, the metrics and itself."""

import configparser
import re
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from sqlalchemy import make_url

from app.api.service_routes import router
from app.push.vapid import VapidKey
from app.server.supervisor import GRACE_S
from app.settings import PREFIX, Settings, load
from tests.deploy.compose_files import container_environment, load_compose, read_variables, variables_named
from tests.deploy.test_deploy import KNOWN, final, read
from tests.test_documents import metrics_there_are

FILES = ["compose.yml", "kubernetes.yml", "env.example", "nginx.conf", "pgbouncer.ini"]
INSTANCES = ["whisper1", "whisper2", "whisper3"]
KEY = VapidKey.generate().private_text
FILLED_IN = {"POSTGRES_PASSWORD": "secret", f"{PREFIX}VAPID_PRIVATE_KEY": KEY}
ENV = read_variables(read("deploy/env.example")) | FILLED_IN
# Where the server listens and keeps things inside its container, and the database beside it.
DECIDED_BY_COMPOSE = {
    "docker-compose.yml": {f"{PREFIX}{name}" for name in ("DATABASE_URL", "DATA_DIR", "HOST", "PORT")},
    "deploy/compose.yml": {f"{PREFIX}{name}" for name in ("DATABASE_URL", "HOST", "PORT")},
}
PATHS = {route.path for route in router.routes if isinstance(route, APIRoute)}


def services(env: dict[str, str]) -> dict[str, Any]:
    """Return the services that compose would start with this .env."""
    started: dict[str, Any] = load_compose("deploy/compose.yml", env)["services"]
    return started


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a process with this environment alone."""
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load(_env_file=None)


def manifests() -> dict[str, Any]:
    """Return what is in kubernetes.yml, by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(read("deploy/kubernetes.yml"))}


def pod(kind: str) -> dict[str, Any]:
    """Return the pods of a Deployment or a Job."""
    found: dict[str, Any] = manifests()[kind]["spec"]["template"]["spec"]
    return found


def container() -> dict[str, Any]:
    """Return the Deployment's container."""
    (only,) = pod("Deployment")["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize("file", FILES)
def test_a_variable_that_is_named_exists(file: str) -> None:
    """Nobody is told to set what nothing reads."""
    assert set(re.findall(rf"{PREFIX}[A-Z0-9_]+", read(f"deploy/{file}"))) <= KNOWN


def test_what_compose_asks_for_is_in_the_example() -> None:
    """Everything that has no default as in ../.env.example, and those without a default are filled in."""
    asked = set(variables_named(read("deploy/compose.yml")))

    assert asked - KNOWN <= set(re.findall(r"^#?([A-Z_]+)=", read("deploy/env.example"), re.MULTILINE))


@pytest.mark.parametrize("name", sorted(KNOWN))
@pytest.mark.parametrize(
    ("file", "service"), [("docker-compose.yml", "whisper"), ("deploy/compose.yml", "whisper3")]
)
def test_every_setting_arrives_in_the_container(file: str, service: str, name: str) -> None:
    """The server sees what .env sets, except what the compose file decides, as .env.example says."""
    env = ENV | {f"{PREFIX}TURN_SECRET": "s", name: "as it is set"}
    environment = container_environment(load_compose(file, env)["services"][service], env)

    assert (environment.get(name) == "as it is set") == (name not in DECIDED_BY_COMPOSE[file])


@pytest.mark.parametrize("name", FILLED_IN)
def test_compose_starts_nothing_without_its_secrets(name: str) -> None:
    """No password that everybody knows, no key that each instance makes for itself."""
    with pytest.raises(AssertionError, match=name):
        services({**ENV, name: ""})


def test_compose_s_instances_have_settings_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """All the same, on services that are there; they can sign."""
    compose = services(ENV)
    settings = settings_of(container_environment(compose["whisper1"], ENV), monkeypatch)

    assert all(
        compose[name] | {"networks": None} == compose["whisper1"] | {"networks": None} for name in INSTANCES
    )
    assert settings.require_vapid().newest.key.private_text == KEY
    assert make_url(settings.require_database_url()).host in compose
    assert settings.redis_url
    assert make_url(settings.redis_url.get_secret_value()).host in compose
    assert settings.database_replica_url is None


def test_compose_migrates_first_and_past_the_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance starts when the migration has succeeded, which talks to Postgres itself."""
    compose = services(ENV | {"DATABASE": "pgbouncer:6432/whisper?pgbouncer=true"})
    migrating = settings_of(
        container_environment(compose["migrate"], ENV), monkeypatch
    ).require_database_url()
    serving = settings_of(container_environment(compose["whisper1"], ENV), monkeypatch).require_database_url()

    assert compose["whisper1"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert compose["migrate"]["command"] == ["whisper", "migrate"]
    assert (make_url(migrating).host, make_url(serving).host) == ("postgres", "pgbouncer")
    assert make_url(migrating).password == make_url(serving).password == FILLED_IN["POSTGRES_PASSWORD"]


def test_the_pooler_is_where_the_example_says() -> None:
    """The same port and name, sessions for a transaction alone, fewer than Postgres has."""
    ini = configparser.ConfigParser()
    ini.read_string(read("deploy/pgbouncer.ini"))
    (example,) = re.findall(r"^#DATABASE=(.+)$", read("deploy/env.example"), re.MULTILINE)
    url = make_url(f"postgresql://{example}")
    pooler = ini["pgbouncer"]
    (most,) = re.findall(r"max_connections=(\d+)", " ".join(services(ENV)["postgres"]["command"]))

    assert (url.host, url.query) == ("pgbouncer", {"pgbouncer": "true"})
    assert url.port == int(pooler["listen_port"])
    assert url.database in ini["databases"]
    assert pooler["pool_mode"] == "transaction"
    assert int(pooler["default_pool_size"]) < int(most)


def test_nginx_has_the_instances_and_is_believed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the port where they serve; metrics have another, which nginx does not know."""
    compose = services(ENV)
    settings = settings_of(container_environment(compose["whisper1"], ENV), monkeypatch)
    upstream = re.findall(r"server (\w+):(\d+)", read("deploy/nginx.conf"))
    networks = yaml.safe_load(read("deploy/compose.yml"))["networks"]
    (pool,) = networks["default"]["ipam"]["config"]
    subnet, others = ip_network(pool["subnet"]), ip_network(pool["ip_range"])
    fixed = {name: compose[name]["networks"]["default"]["ipv4_address"] for name in [*INSTANCES, "nginx"]}

    assert upstream == [(name, str(settings.port)) for name in INSTANCES]
    assert settings.host == "0.0.0.0"  # noqa: S104 - in a network of its own
    assert settings.trusted_proxies == (fixed["nginx"],)
    assert len(set(fixed.values())) == len(fixed)
    assert all(ip_address(each) in subnet and ip_address(each) not in others for each in fixed.values())
    assert settings.metrics_listen == ("0.0.0.0", 9464)  # noqa: S104 - in a network of its own


def test_compose_publishes_nginx_alone() -> None:
    """Its certificates and its challenge lie where the configuration looks for them."""
    compose = services(ENV)
    mounted = {volume.split(":")[1] for volume in compose["nginx"]["volumes"]}
    conf = read("deploy/nginx.conf")

    assert [name for name, service in compose.items() if "ports" in service] == ["nginx"]
    assert {port.partition(":")[2] for port in compose["nginx"]["ports"]} == set(
        re.findall(r"listen (\d+)", conf)
    )
    assert {"/etc/nginx/nginx.conf", "/etc/nginx/tls", "/var/www/acme"} == mounted
    assert all(path in conf for path in mounted - {"/etc/nginx/nginx.conf"})


def test_compose_gives_an_instance_the_time_to_end() -> None:
    """And nginx does not give up before an instance does."""
    assert int(services(ENV)["whisper1"]["stop_grace_period"].removesuffix("s")) > GRACE_S
    assert "proxy_read_timeout 20s;" in read("deploy/nginx.conf")


def test_kubernetes_has_settings_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the Secret is filled in."""
    secret = {
        name: value.replace("CHANGE-ME", KEY) for name, value in manifests()["Secret"]["stringData"].items()
    }
    plain = {each["name"]: each["value"] for each in container()["env"]}

    settings = settings_of(secret | plain, monkeypatch)

    assert settings.require_vapid().newest.key.private_text == KEY
    assert settings.port == container()["ports"][0]["containerPort"]
    assert settings.trusted_proxies
    assert container()["envFrom"] == [{"secretRef": {"name": manifests()["Secret"]["metadata"]["name"]}}]


def test_kubernetes_asks_for_health_where_it_is_told() -> None:
    """Alive without the database, ready with it; each at the port that has a name."""
    live, ready = container()["livenessProbe"], container()["readinessProbe"]

    assert (live["httpGet"]["path"], ready["httpGet"]["path"]) == ("/livez", "/readyz")
    assert {"/livez", "/readyz"} <= PATHS
    assert {live["httpGet"]["port"], ready["httpGet"]["port"]} == {container()["ports"][0]["name"]}
    assert manifests()["Service"]["spec"]["ports"][0]["targetPort"] == container()["ports"][0]["name"]


def test_kubernetes_lets_a_server_end() -> None:
    """Nobody is sent to it any more, then what is in flight is finished, and only then it is killed."""
    *_, pause = container()["lifecycle"]["preStop"]["exec"]["command"]

    assert pod("Deployment")["terminationGracePeriodSeconds"] > int(pause) + GRACE_S


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_kubernetes_gives_no_privileges(kind: str) -> None:
    """The image's user, nothing to write but a temporary folder."""
    (only,) = pod(kind)["containers"]

    assert pod(kind)["securityContext"]["runAsUser"] == int(final("USER"))
    assert pod(kind)["securityContext"]["runAsNonRoot"]
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_kubernetes_selects_its_own_pods() -> None:
    """Service, budget and autoscaler mean the Deployment."""
    parts = manifests()
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    scaled = parts["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]

    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["Service"]["spec"]["selector"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert (scaled["kind"], scaled["name"]) == ("Deployment", parts["Deployment"]["metadata"]["name"])
    assert "replicas" not in parts["Deployment"]["spec"]


def test_kubernetes_scales_on_a_metric_that_exists() -> None:
    """Which the rule in the operations page brings to the autoscaler."""
    on_pods = manifests()["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]
    name = on_pods["metric"]["name"]
    (rule,) = re.findall(r"```yaml\n(rules:\n.*?)```", read("docs/operations.md"), re.DOTALL)
    (found,) = yaml.safe_load(rule)["rules"]

    assert name in metrics_there_are()
    assert found["seriesQuery"].startswith(f"{name}{{")
    assert int(on_pods["target"]["averageValue"]) < Settings.model_fields["max_in_flight"].default


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_kubernetes_lets_a_pod_reach_only_what_it_needs(kind: str) -> None:
    """The policy selects both; they are reached at the port of HTTP alone."""
    policy = manifests()["NetworkPolicy"]["spec"]
    (selected,) = policy["podSelector"]["matchExpressions"]
    ports = {port["port"] for rule in policy["egress"] if "to" not in rule for port in rule["ports"]}

    assert manifests()[kind]["spec"]["template"]["metadata"]["labels"]["app"] in selected["values"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"][0]["ports"] == [
        {"protocol": "TCP", "port": container()["ports"][0]["containerPort"]}
    ]
    assert {53, 5432, 6432, 6379} <= ports
    assert not ports & {80, 443}


@pytest.mark.parametrize(
    "address",
    [
        "10.96.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.20.0.1",
        "192.168.1.1",
        "100.100.100.200",
        "fd00::1",
        "fe80::1",
    ],
)
def test_kubernetes_lets_no_push_lead_into_the_cluster(address: str) -> None:
    """Whatever an endpoint resolves to; the guard of the server judges alike (app/push/ip_addresses.py)."""
    (push,) = [rule for rule in manifests()["NetworkPolicy"]["spec"]["egress"] if "to" in rule]

    assert push["ports"] == [{"protocol": "TCP", "port": 443}]
    for block in (each["ipBlock"] for each in push["to"]):
        if ip_address(address).version == ip_network(block["cidr"]).version:
            inside = ip_address(address) in ip_network(block["cidr"])
            assert not inside or any(ip_address(address) in ip_network(each) for each in block["except"])


def test_kubernetes_migrates_with_a_job() -> None:
    """Once, and with the same image."""
    (migrate,) = pod("Job")["containers"]

    assert migrate["command"] == ["whisper", "migrate"]
    assert migrate["image"] == container()["image"]
    assert pod("Job")["restartPolicy"] == "Never"
