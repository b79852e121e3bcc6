"""What `deploy/` holds is what the tools behind it take, and fits this checkout: versions, commands, variables, no secret.

The compose file is checked by the Compose Specification's schema (in check-jsonschema), objects of Kubernetes by their own
(kubernetes-validate), both of the extra `scale`. Dagster's chart and KubeRay publish no schema that installs from a registry:
`tests/schemas/` has the fields that their references name, and the parts of pods in them are checked as pods.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import parser

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
VALUES = yaml.safe_load((KUBERNETES / "dagster-values.yaml").read_text(encoding="utf-8"))
RAY = yaml.safe_load((KUBERNETES / "raycluster.yaml").read_text(encoding="utf-8"))
OBJECTS = [
    found
    for path in sorted(KUBERNETES.glob("*.yaml"))
    for found in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    if found not in (VALUES, RAY)
]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(DEPLOY.rglob("*")) if path.is_file()}


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping within a value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from dictionaries(inner)


# Each file by the schema of its tool


@pytest.mark.scale
def test_the_compose_file_is_of_the_compose_specification() -> None:
    pytest.importorskip("check_jsonschema", reason='no check-jsonschema: pip install "materia[scale]"')
    schema = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [sys.executable, *schema, DEPLOY / "compose.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_services_and_volumes_that_the_compose_file_names_are_there() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            there = (DEPLOY / source).exists() or source == "./literature"  # the papers are the user's
            assert there if source.startswith(".") else source in COMPOSE["volumes"], (name, volume)
    named = [*re.findall(r"://([a-z0-9-]+):\d", TEXTS["materia.yaml"]), "s3", "postgres"]
    assert len(named) == 5
    assert set(named) <= set(services)


@pytest.mark.scale
@pytest.mark.parametrize("found", OBJECTS, ids=[f"{found['kind']} {found['metadata']['name']}" for found in OBJECTS])
def test_objects_are_of_kubernetes(found: dict[str, Any]) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason='no kubernetes-validate: pip install "materia[scale]"'
    )
    validator.validate(found, validator.latest_version(), strict=True)


def pods() -> dict[str, dict[str, Any]]:
    """Specifications of the pods that KubeRay and Dagster's chart make."""
    groups = [RAY["spec"]["headGroupSpec"], *RAY["spec"]["workerGroupSpecs"]]
    made = {group.get("groupName", "head"): group["template"]["spec"] for group in groups}
    for one in VALUES["dagster-user-deployments"]["deployments"]:
        container = {
            "name": one["name"],
            "image": f"{one['image']['repository']}:{one['image']['tag']}",
            "envFrom": [{"configMapRef": name} for name in one["envConfigMaps"]]
            + [{"secretRef": name} for name in one["envSecrets"]],
            "resources": one["resources"],
            "volumeMounts": one["volumeMounts"],
        }
        made[one["name"]] = {
            "containers": [container],
            "volumes": one["volumes"],
            "securityContext": one["podSecurityContext"],
        }
    return made


@pytest.mark.scale
@pytest.mark.parametrize("name", list(pods()))
def test_pods_of_ray_and_dagster_are_of_kubernetes(name: str) -> None:
    validator = pytest.importorskip(
        "kubernetes_validate", reason='no kubernetes-validate: pip install "materia[scale]"'
    )
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pods()[name]}
    validator.validate(pod, validator.latest_version(), strict=True)


@pytest.mark.parametrize(("schema", "value"), [("raycluster", RAY), ("dagster_values", VALUES)], ids=["Ray", "Dagster"])
def test_fields_are_those_that_the_operator_and_the_chart_document(schema: str, value: dict[str, Any]) -> None:
    import jsonschema

    rules = yaml.safe_load((ROOT / "tests/schemas" / f"{schema}.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(rules)
    jsonschema.validate(value, rules)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value | {"replicas": 3}, rules)


def test_every_name_that_an_object_refers_to_is_another_object() -> None:
    there = {(found["kind"], found["metadata"]["name"]) for found in OBJECTS}
    kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret", "configMap": "ConfigMap"}
    everything = [*OBJECTS, *pods().values()]
    named = {
        (kind, inner[key]["name"]) for inner in dictionaries(everything) for key, kind in kinds.items() if key in inner
    }
    named.add(("Secret", VALUES["global"]["postgresqlSecretName"]))
    assert len(named) == 4
    assert named <= there
    settings = next(
        found["data"]["materia.yaml"] for found in OBJECTS if found["metadata"]["name"] == "materia-settings"
    )
    hosts = set(re.findall(r"://([a-z0-9-]+):\d", settings))
    services = {name for kind, name in there if kind == "Service"} | {
        f"{RAY['metadata']['name']}-head-svc"
    }  # KubeRay's
    assert hosts == services


def test_dagsters_settings_are_those_of_this_checkout_but_for_postgresql() -> None:
    from dagster._core.instance.config import dagster_instance_config

    settings, _ = dagster_instance_config(str(DEPLOY))
    assert settings["storage"] == {"postgres": {"postgres_url": {"env": "MATERIA_POSTGRES"}}}
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    folders = ("storage", "local_artifact_storage", "compute_logs")
    theirs = yaml.safe_load(TEXTS["dagster.yaml"])
    assert {k: v for k, v in theirs.items() if k != "storage"} == {k: v for k, v in ours.items() if k not in folders}


def test_the_chart_launches_runs_by_a_launcher_that_dagster_has() -> None:
    import dagster

    named = VALUES["runLauncher"]["config"]["customRunLauncher"]
    assert named["module"] == "dagster"
    assert issubclass(getattr(dagster, named["class"]), dagster._core.launcher.RunLauncher)


@pytest.mark.parametrize("settings", [TEXTS["materia.yaml"], TEXTS["config.yaml"]], ids=["compose", "Kubernetes"])
def test_settings_are_settings_of_materia(settings: str, tmp_path: Path) -> None:
    from assets.config import load_config

    found = list(yaml.safe_load_all(settings))
    inner = [one["data"]["materia.yaml"] for one in found if "materia.yaml" in one.get("data", {})]
    (tmp_path / "materia.yaml").write_text(inner[0] if inner else settings, encoding="utf-8")
    config = load_config(str(tmp_path / "materia.yaml"))
    assert config.engine.name == "ray"
    assert config.graph.store is not None


# All of them by this checkout


def test_one_image_and_the_versions_of_this_checkout_everywhere() -> None:
    names = {inner["image"] for inner in dictionaries([COMPOSE, RAY, OBJECTS]) if isinstance(inner.get("image"), str)}
    chart = [one["image"] for one in VALUES["dagster-user-deployments"]["deployments"]]
    names |= {f"{image['repository']}:{image['tag']}" for image in chart}
    names |= set(re.findall(r"--tag (\S+)", TEXTS["Dockerfile"]))
    assert {name for name in names if name.startswith("materia")} == {f"materia:{PROJECT['version']}"}
    assert {name for name in names if "oxigraph" in name} == {f"ghcr.io/oxigraph/oxigraph:{PINNED['oxigraph']}"}
    assert all(re.search(r":[\w.-]*\d", name) for name in names), "an image without a version"
    assert RAY["spec"]["rayVersion"] == PINNED["ray"]
    page = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    assert re.findall(r"--version (\S+)", TEXTS["dagster-values.yaml"] + page) == [PINNED["dagster"]] * 2
    assert set(re.findall(r"`materia:([\d.]+)`", page)) == {PROJECT["version"]}


def test_the_image_is_made_of_the_package_its_pinned_versions_and_the_extras() -> None:
    file = TEXTS["Dockerfile"]
    wanted = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
            "wheel"
        ]["packages"]
    )
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.+) \S+$", file, re.MULTILINE) for source in line.split()
    }
    assert wanted | {"constraints.txt", "pyproject.toml", "dagster.yaml", "docs/graph.md"} <= copied
    assert {line[1:] for line in TEXTS["Dockerfile.dockerignore"].splitlines() if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)
    ((constraints, extras),) = re.findall(r"pip install --constraint (\S+) '\.\[([\w,]+)\]'", file)
    assert constraints == "constraints.txt"
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    python = set(re.findall(r"^FROM python:(\d+\.\d+)", file, re.MULTILINE))
    assert [f">={version}" for version in python] == [PROJECT["requires-python"].split(",")[0]]
    assert re.findall(r"^USER (\d+)$", file, re.MULTILINE) == ["1000"], "the image must not run as root"


def commands() -> list[list[str]]:
    """Every command in these files of `materia`, `dagster…` or `ray`."""
    found = [service["command"] for service in COMPOSE["services"].values() if "command" in service]
    found += [health["healthcheck"]["test"][1:] for health in COMPOSE["services"].values() if "healthcheck" in health]
    found += [inner["command"] for inner in dictionaries(OBJECTS) if isinstance(inner.get("command"), list)]
    found += [
        shlex.split(line.split("run --rm build ")[1])
        for line in re.findall(r"^.*run --rm build materia .*\.\.\.$", TEXTS["compose.yaml"], re.MULTILINE)
    ]
    for one in VALUES["dagster-user-deployments"]["deployments"]:
        found.append(
            ["dagster", "api", "grpc", "--host", "0.0.0.0", "--port", str(one["port"]), *one["dagsterApiGrpcArgs"]]
        )
    for kind, group in [
        ("--head", RAY["spec"]["headGroupSpec"]),
        *(("--block", one) for one in RAY["spec"]["workerGroupSpecs"]),
    ]:
        found.append(["ray", "start", kind, *(f"--{key}={value}" for key, value in group["rayStartParams"].items())])
    return [command for command in found if command[0] == "materia" or command[0].startswith(("dagster", "ray"))]


@pytest.mark.parametrize("words", commands(), ids=[" ".join(words)[:60] for words in commands()])
def test_commands_and_their_options_exist(words: list[str]) -> None:
    """Each is parsed by the program itself, up to the point where it would begin its work."""
    program, *rest = words
    if program == "materia":
        assert parser().parse_args([word for word in rest if word != "..."]).command == "build"
        return
    if program == "ray":
        command: Any = pytest.importorskip("ray.scripts.scripts", reason='no Ray: pip install "materia[scale]"').cli
    elif program == "dagster":
        from dagster._cli import create_dagster_cli

        command = create_dagster_cli()
    elif program == "dagster-daemon":
        from dagster._daemon.cli import create_dagster_daemon_cli

        command = create_dagster_daemon_cli()
    else:
        from dagster_webserver.cli import dagster_webserver

        assert program == "dagster-webserver"
        command = dagster_webserver
    while hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    parsed = command.make_context(program, list(rest))
    assert parsed.args == []
    if "--module-name" in rest:
        assert rest[rest.index("--module-name") + 1] == "assets.definitions"


#: Variables that images of others read, by their own pages.
THEIRS = {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def variables() -> dict[str, str]:
    """Every environment variable that these files set, with its value."""
    blocks = [inner["environment"] for inner in dictionaries(COMPOSE) if "environment" in inner]
    blocks += [
        found.get("data", {}) | found.get("stringData", {})
        for found in OBJECTS
        if found["kind"] in ("ConfigMap", "Secret")
    ]
    found = {name: str(value) for block in blocks for name, value in block.items() if name.isupper()}
    return found | dict(re.findall(r"^(?:ENV| {3}) ([A-Z_]+)=(\S+)", TEXTS["Dockerfile"], re.MULTILINE))


def test_environment_variables_are_ones_that_somebody_reads() -> None:
    sources = [
        path for folder in ("assets", "cli", "kg", "pipeline", "training") for path in (ROOT / folder).rglob("*.py")
    ]
    ours = set(re.findall(r'"(MATERIA_[A-Z_]+)"', "".join(path.read_text(encoding="utf-8") for path in sources)))
    ours |= set(re.findall(r"env: (MATERIA_[A-Z_]+)", TEXTS["dagster.yaml"]))  # which Dagster reads
    asked = {name for name in variables() if name.startswith("MATERIA_")}
    assert {"MATERIA_HOME", "MATERIA_CACHE", "MATERIA_POSTGRES"} <= asked <= ours
    known = THEIRS | {"DAGSTER_HOME", "PATH", "PYTHONUTF8"}
    left = set(variables()) - asked - known
    assert all(name.startswith(("AWS_", "RAY_", "PIP_")) for name in left), left


@pytest.mark.scale
def test_variables_of_the_store_and_of_ray_are_ones_that_they_read() -> None:
    configuration = pytest.importorskip("botocore.configprovider", reason='no s3fs: pip install "materia[scale]"')
    from botocore.credentials import EnvProvider

    named = [value[1] for value in configuration.BOTOCORE_DEFAUT_SESSION_VARIABLES.values()]
    read = {name for one in named if one for name in (one if isinstance(one, list) else [one])}
    read |= {EnvProvider.ACCESS_KEY, EnvProvider.SECRET_KEY, "AWS_ENDPOINT_URL"}
    assert {name for name in variables() if name.startswith("AWS_")} <= read
    constants = pytest.importorskip("ray._common.usage.usage_constants")
    from ray._private.authentication.authentication_token_setup import AUTH_MODE_ENV_VAR

    of_ray = {name for name in variables() if name.startswith("RAY_")}
    assert of_ray == {constants.USAGE_STATS_ENABLED_ENV_VAR, AUTH_MODE_ENV_VAR, "RAY_AUTH_TOKEN"}
    printed = subprocess.run(  # Ray has no constant for this one
        [sys.executable, "-m", "ray.scripts.scripts", "get-auth-token"],
        env={**os.environ, "RAY_AUTH_TOKEN": "a-token"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == "a-token"


def test_whoever_starts_or_joins_ray_is_asked_for_a_token_and_has_it() -> None:
    """Without one, whoever reaches the cluster can run any code on it; and one container without it could not join."""
    image = f"materia:{PROJECT['version']}"
    environments = {
        name: service["environment"] for name, service in COMPOSE["services"].items() if service["image"] == image
    }
    given = {
        (found["kind"], found["metadata"]["name"]): found.get("data", {}) | found.get("stringData", {})
        for found in OBJECTS
    }
    kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
    containers = [inner for inner in dictionaries([OBJECTS, pods()]) if inner.get("image") == image]
    for container in containers:
        environments[container["name"]] = {
            name: value
            for source in container["envFrom"]
            for key, kind in kinds.items()
            if key in source
            for name, value in given[kind, source[key]["name"]].items()
        }
    assert {"ray-head", "ray-worker", "daemon", "build", "materia"} <= set(environments)
    for name, environment in environments.items():
        assert environment["RAY_AUTH_MODE"] == "token", name
        assert re.search(r"\$\{RAY_TOKEN:\?|<token>", environment["RAY_AUTH_TOKEN"]), name


def test_a_task_that_needs_too_much_memory_is_not_begun_again_without_end() -> None:
    """Builds come over `ray://`, so the head has to know: the process there that hands out tasks counts."""
    given = next(found["data"] for found in OBJECTS if found["metadata"]["name"] == "materia" and "data" in found)
    for environment in (COMPOSE["services"]["ray-head"]["environment"], given):
        assert 0 < int(environment["RAY_task_oom_retries"]) < 10


def test_what_kuberay_starts_before_a_worker_has_the_token_too() -> None:
    """Its `wait-gcs-ready` copies `env` of the worker and not `envFrom`; refused for want of a token, it waits for ever."""
    there = {
        ({"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}[found["kind"]], found["metadata"]["name"], key)
        for found in OBJECTS
        if found["kind"] in ("ConfigMap", "Secret")
        for key in found.get("data", {}) | found.get("stringData", {})
    }
    for group in RAY["spec"]["workerGroupSpecs"]:
        (container,) = group["template"]["spec"]["containers"]
        given = {
            variable["name"]: (kind, source["name"], source["key"])
            for variable in container["env"]
            for kind, source in variable["valueFrom"].items()
        }
        assert set(given) == {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN"}
        assert set(given.values()) <= there
        assert all(name == key for name, (_, _, key) in given.items())


def test_no_secret_is_written_out() -> None:
    """Whatever is secret comes from the environment of who starts it, or stands as a gap to be filled."""
    secret = {
        name: value for name, value in variables().items() if re.search("KEY|SECRET|PASSWORD|TOKEN|POSTGRES$", name)
    }
    assert len(secret) >= 6
    for name, value in secret.items():
        assert re.search(r"\$\{\w+:\?|<\w+>", value), name
    urls = re.findall(r"\w+://[^\s/@:]+:([^@\s]+)@", "".join(TEXTS.values()))
    assert urls
    assert all(password == "<password>" or password.startswith("${POSTGRES_PASSWORD:?") for password in urls), urls
    assert "deploy/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
