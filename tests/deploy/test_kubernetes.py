"""The manifests: by Kubernetes' own schemas, and whether what one of them names is in another."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from exporter import __version__
from exporter.cli import commands
from exporter.config.load import load_config
from exporter.vendors import SETTINGS
from tests.support import real_servers

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "deploy" / "kubernetes"
VARIANTS = ["sqlite", "postgresql"]
LABEL = {"app.kubernetes.io/name": "adoption-exporter"}
# The oldest release that is still cared for somewhere, and the newest that the schemas know.
RELEASES = ["1.28", kubernetes_validate.latest_version()]

Manifest = Mapping[str, Any]


def manifests(*folders: str) -> Iterator[Manifest]:
    """The manifests of these folders, or of all of them."""
    paths = [path for folder in folders for path in (FOLDER / folder).glob("*.yaml")] or FOLDER.rglob("*.yaml")
    for path in sorted(paths):
        yield from yaml.safe_load_all(path.read_text())


def of_kind(kind: str, *folders: str) -> Manifest:
    (found,) = [manifest for manifest in manifests(*folders) if manifest["kind"] == kind]
    return found


def pod(variant: str) -> Manifest:
    spec: Manifest = of_kind("Deployment", variant)["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("release", RELEASES)
def test_every_manifest_fits_the_schemas_of_kubernetes(release: str) -> None:
    known = [manifest for manifest in manifests() if not manifest["apiVersion"].startswith("monitoring.coreos.com/")]

    for manifest in known:
        kubernetes_validate.validate(dict(manifest), release, strict=True)
    assert {manifest["kind"] for manifest in known} == {
        *("ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget"),
        *("Secret", "Service"),
    }


def test_a_misspelt_key_would_be_seen() -> None:
    service = {**of_kind("Service"), "specs": {}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, RELEASES[-1], strict=True)


def test_every_manifest_is_of_one_program() -> None:
    assert {tuple(manifest["metadata"]["labels"].items()) for manifest in manifests()} == {tuple(LABEL.items())}


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_selects_the_pods_and_the_port_is_there(variant: str) -> None:
    deployment = of_kind("Deployment", variant)["spec"]
    policy = of_kind("NetworkPolicy", "common")["spec"]
    monitor = of_kind("ServiceMonitor", "prometheus-operator")["spec"]
    service = of_kind("Service", "common")
    (container,) = pod(variant)["containers"]

    assert deployment["template"]["metadata"]["labels"] == LABEL
    assert deployment["selector"]["matchLabels"] == service["spec"]["selector"] == LABEL
    assert policy["podSelector"]["matchLabels"] == monitor["selector"]["matchLabels"] == LABEL
    (port,) = container["ports"]
    (served,) = service["spec"]["ports"]
    (scraped,) = monitor["endpoints"]
    assert port["name"] == served["targetPort"] == served["name"] == scraped["port"]
    assert policy["ingress"][0]["ports"] == [{"port": port["name"], "protocol": "TCP"}]
    assert f":{port['containerPort']}" in container["args"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pods_have_no_rights_and_no_disk_but_their_own(variant: str) -> None:
    (container,) = pod(variant)["containers"]

    assert pod(variant)["automountServiceAccountToken"] is False
    assert pod(variant)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} == {
        "sqlite": {"/tmp", "/var/lib/adoption-exporter"},
        "postgresql": {"/tmp"},
    }[variant]


def test_a_sqlite_state_has_one_process_and_replicas_are_never_all_away() -> None:
    alone = of_kind("Deployment", "sqlite")["spec"]
    several = of_kind("Deployment", "postgresql")["spec"]

    assert (alone["replicas"], alone["strategy"]) == (1, {"type": "Recreate"})
    assert (several["replicas"], several["strategy"]) == (2, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    assert of_kind("PodDisruptionBudget", "postgresql")["spec"]["selector"]["matchLabels"] == LABEL


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_container_starts_this_version_with_options_that_there_are(variant: str) -> None:
    (container,) = pod(variant)["containers"]

    assert container["image"] == f"adoption-exporter:{__version__}"
    assert CliRunner().invoke(commands, [*container["args"], "--help"]).exit_code == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_configuration_is_one_and_its_tokens_are_in_the_secret(variant: str, tmp_path: Path) -> None:
    secrets = {manifest["metadata"]["name"]: manifest["stringData"] for manifest in manifests() if is_secret(manifest)}
    mounts = {mount["name"]: mount["mountPath"] for mount in pod(variant)["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(variant)["volumes"]}
    for name, token in secrets[volumes["tokens"]["secret"]["secretName"]].items():
        (tmp_path / name).write_text(token)
    text = of_kind("ConfigMap", variant)["data"]["config.yaml"]
    (tmp_path / "config.yaml").write_text(text.replace(mounts["tokens"], str(tmp_path)))

    settings = load_config(tmp_path / "config.yaml", SETTINGS)

    assert mounts.keys() == volumes.keys()
    assert list(settings.sources) == ["augment-prod"]
    assert (
        settings.state.url
        == {
            "sqlite": f"sqlite:///{mounts.get('state')}/adoption.db",
            "postgresql": "postgresql://adoption@postgresql/adoption",
        }[variant]
    )
    for variable in pod(variant)["containers"][0].get("env", []):
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["key"] in secrets[reference["name"]]


def test_the_operators_resources_have_the_shape_that_it_knows() -> None:
    monitor = of_kind("ServiceMonitor", "prometheus-operator")
    rule = of_kind("PrometheusRule", "prometheus-operator")

    assert monitor["apiVersion"] == rule["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "1m"}]
    assert rule["spec"].keys() == {"groups"}


def test_the_prometheus_rule_is_made_of_the_rules() -> None:
    made = subprocess.run(["sh", FOLDER / "prometheusrule.sh"], capture_output=True, check=True, text=True).stdout
    rules = [yaml.safe_load((CHECKOUT / "prometheus" / f"{name}.yaml").read_text()) for name in ("recording", "alerts")]

    assert (FOLDER / "prometheus-operator" / "prometheusrule.yaml").read_text() == made, "run `make manifests`"
    assert of_kind("PrometheusRule", "prometheus-operator")["spec"]["groups"] == [
        group for rule in rules for group in rule["groups"]
    ]


@pytest.mark.servers("promtool")
def test_prometheus_takes_the_rules_of_the_prometheus_rule(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(of_kind("PrometheusRule")["spec"]))

    checked = real_servers.promtool("check", "rules", tmp_path / "rules.yaml")

    assert checked.returncode == 0, checked.stderr


def test_nothing_scales_by_load() -> None:
    assert "HorizontalPodAutoscaler" not in {manifest["kind"] for manifest in manifests()}


def is_secret(manifest: Manifest) -> bool:
    return bool(manifest["kind"] == "Secret")
