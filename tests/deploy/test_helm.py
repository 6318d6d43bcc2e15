"""The Helm chart, rendered by Helm's own code: by Kubernetes' schemas, by the plain manifests, and value by value."""

import base64
import gzip
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from docs import chart as chart_page
from docs import configuration
from exporter import __version__
from exporter.cli import commands
from exporter.commands.keys import sections
from tests.deploy import test_kubernetes as plain
from tests.support import helm, real_servers
from tests.support.helm import CHART, CHECKOUT, RELEASE, Rendered

Manifest = Mapping[str, Any]

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
KEYS = [key for key, _, _ in chart_page.leaves(VALUES, SCHEMA)]
OF_OPERATOR = "monitoring.coreos.com/v1"
MEBIBYTE = 1 << 20

POSTGRESQL = {
    "config": plain.of_kind("ConfigMap", "postgresql")["data"]["config.yaml"],
    "postgresql": {"secretName": "adoption-exporter-postgresql"},
    "replicas": 2,
}
MONITORED = {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}

POD = "Deployment.spec.template.spec"
CONTAINER = f"{POD}.containers.0"
NODES = {"disk": "ssd"}
VARIABLE = [{"name": "CURSOR_KEY", "valueFrom": {"secretKeyRef": {"name": "cursor", "key": "key"}}}]
VOLUME = [{"name": "ca", "configMap": {"name": "ca"}}]
MOUNT = [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}]
TOLERATION = [{"key": "tools", "operator": "Exists"}]
SPREAD = [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
AFFINITY = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}
COLLECTOR = [{"to": [{"podSelector": {"matchLabels": {"app": "collector"}}}], "ports": [{"port": 4318}]}]
CLOSED = {"runAsNonRoot": True, "runAsUser": 1000}
PASSWORDS = {"web": {"secretName": "web", "tls": True, "basicAuth": True}}
DIGEST = f"sha256:{'0' * 64}"

# Of each value: what is given, and what is then where. The last part of a place may be a number of a list.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "image.repository": ({"image": {"repository": "r/a"}}, {f"{CONTAINER}.image": f"r/a:{__version__}"}),
    "image.tag": ({"image": {"tag": "edge"}}, {f"{CONTAINER}.image": "adoption-exporter:edge"}),
    "image.digest": (
        {"image": {"tag": "edge", "digest": DIGEST}},
        {f"{CONTAINER}.image": f"adoption-exporter@{DIGEST}"},
    ),
    "image.pullPolicy": ({"image": {"pullPolicy": "Always"}}, {f"{CONTAINER}.imagePullPolicy": "Always"}),
    "imagePullSecrets": ({"imagePullSecrets": [{"name": "r"}]}, {f"{POD}.imagePullSecrets": [{"name": "r"}]}),
    "nameOverride": (
        {"nameOverride": "usage"},
        {
            "Service.metadata.name": "adoption-exporter-usage",
            "Service.spec.selector": {"app.kubernetes.io/name": "usage", "app.kubernetes.io/instance": RELEASE},
        },
    ),
    "fullnameOverride": (
        {"fullnameOverride": "usage"},
        {"Deployment.metadata.name": "usage", f"{POD}.volumes.0.configMap.name": "usage"},
    ),
    "config": ({"config": "sources: {}\n"}, {"ConfigMap.data": {"config.yaml": "sources: {}\n"}}),
    "tokens.secretName": (
        {"tokens": {"secretName": "mine"}},
        {f"{POD}.volumes.1.secret": {"secretName": "mine", "defaultMode": 0o440}},
    ),
    "files.secretName": (
        {"files": {"secretName": "teams"}},
        {
            f"{POD}.volumes.0.projected": {
                "defaultMode": 0o440,
                "sources": [{"configMap": {"name": "adoption-exporter"}}, {"secret": {"name": "teams"}}],
            }
        },
    ),
    "postgresql.secretName": (
        POSTGRESQL,
        {f"{CONTAINER}.env.0.valueFrom.secretKeyRef": {"name": "adoption-exporter-postgresql", "key": "password"}},
    ),
    "postgresql.secretKey": (
        POSTGRESQL | {"postgresql": {"secretName": "db", "secretKey": "pw"}},
        {f"{CONTAINER}.env.0": {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}}},
    ),
    "web.secretName": (
        {"web": {"secretName": "web"}},
        {
            f"{CONTAINER}.args.6": "/run/secrets/adoption-exporter-web/web-config.yml",
            f"{POD}.volumes.2.secret.secretName": "web",
            f"{CONTAINER}.livenessProbe.httpGet": {"path": "/-/healthy", "port": "metrics"},
        },
    ),
    "web.tls": (
        {"web": {"secretName": "web", "tls": True}, **MONITORED},
        {
            f"{CONTAINER}.readinessProbe.httpGet": {"path": "/-/ready", "port": "metrics", "scheme": "HTTPS"},
            "ServiceMonitor.spec.endpoints.0.scheme": "https",
        },
    ),
    "web.basicAuth": (
        PASSWORDS,
        {
            f"{CONTAINER}.env.0": {
                "name": "ADOPTION_EXPORTER_URL",
                "valueFrom": {"secretKeyRef": {"name": "web", "key": "url"}},
            },
            f"{CONTAINER}.startupProbe": {
                "exec": {"command": ["adoption-exporter", "healthcheck", "--insecure"]},
                "periodSeconds": 2,
                "failureThreshold": 60,
                "timeoutSeconds": 10,
            },
        },
    ),
    "replicas": ({"replicas": 0}, {"Deployment.spec.replicas": 0}),
    "persistence.enabled": ({"persistence": {"enabled": False}}, {f"{POD}.volumes.3.emptyDir": {}}),
    "persistence.existingClaim": (
        {"persistence": {"existingClaim": "old"}},
        {f"{POD}.volumes.3.persistentVolumeClaim.claimName": "old"},
    ),
    "persistence.size": (
        {"persistence": {"size": "5Gi"}},
        {"PersistentVolumeClaim.spec.resources.requests": {"storage": "5Gi"}},
    ),
    "persistence.storageClass": (
        {"persistence": {"storageClass": "fast"}},
        {"PersistentVolumeClaim.spec.storageClassName": "fast"},
    ),
    "persistence.accessModes": (
        {"persistence": {"accessModes": ["ReadWriteOncePod"]}},
        {"PersistentVolumeClaim.spec.accessModes": ["ReadWriteOncePod"]},
    ),
    "persistence.annotations": (
        {"persistence": {"annotations": {"backup": "daily"}}},
        {"PersistentVolumeClaim.metadata.annotations": {"helm.sh/resource-policy": "keep", "backup": "daily"}},
    ),
    "persistence.keep": (
        {"persistence": {"keep": False}},
        {"PersistentVolumeClaim.metadata.annotations": None},
    ),
    "tmp.sizeLimit": ({"tmp": {"sizeLimit": "500Mi"}}, {f"{POD}.volumes.2.emptyDir": {"sizeLimit": "500Mi"}}),
    "extraArgs": ({"extraArgs": ["--log.level=debug"]}, {f"{CONTAINER}.args.5": "--log.level=debug"}),
    "extraEnv": ({"extraEnv": VARIABLE}, {f"{CONTAINER}.env": VARIABLE}),
    "extraEnvFrom": (
        {"extraEnvFrom": [{"secretRef": {"name": "keys"}}]},
        {f"{CONTAINER}.envFrom": [{"secretRef": {"name": "keys"}}]},
    ),
    "extraVolumes": ({"extraVolumes": VOLUME, "extraVolumeMounts": MOUNT}, {f"{POD}.volumes.4": VOLUME[0]}),
    "extraVolumeMounts": (
        {"extraVolumes": VOLUME, "extraVolumeMounts": MOUNT},
        {f"{CONTAINER}.volumeMounts.4": MOUNT[0]},
    ),
    "resources": (
        {"resources": {"limits": {"memory": "2Gi"}}},
        {f"{CONTAINER}.resources.limits": {"memory": "2Gi"}},
    ),
    "probes.startup": (
        {"probes": {"startup": {"failureThreshold": 90}}},
        {f"{CONTAINER}.startupProbe.failureThreshold": 90},
    ),
    "probes.liveness": (
        {"probes": {"liveness": {"timeoutSeconds": 9}}},
        {f"{CONTAINER}.livenessProbe.timeoutSeconds": 9},
    ),
    "probes.readiness": (
        {"probes": {"readiness": {"periodSeconds": 5}}},
        {f"{CONTAINER}.readinessProbe.periodSeconds": 5},
    ),
    "podSecurityContext": ({"podSecurityContext": CLOSED}, {f"{POD}.securityContext.runAsUser": 1000}),
    "securityContext": ({"securityContext": CLOSED}, {f"{CONTAINER}.securityContext.runAsUser": 1000}),
    "serviceAccount.create": (
        {"serviceAccount": {"create": False}},
        {f"{POD}.serviceAccountName": "default", f"{POD}.automountServiceAccountToken": False},
    ),
    "serviceAccount.name": (
        {"serviceAccount": {"name": "usage"}},
        {f"{POD}.serviceAccountName": "usage", "ServiceAccount.metadata.name": "usage"},
    ),
    "serviceAccount.annotations": (
        {"serviceAccount": {"annotations": {"team": "tools"}}},
        {"ServiceAccount.metadata.annotations": {"team": "tools"}},
    ),
    "commonLabels": ({"commonLabels": {"team": "tools"}}, {"Service.metadata.labels.team": "tools"}),
    "podAnnotations": (
        {"podAnnotations": {"team": "tools"}},
        {"Deployment.spec.template.metadata.annotations.team": "tools"},
    ),
    "podLabels": ({"podLabels": {"team": "tools"}}, {"Deployment.spec.template.metadata.labels.team": "tools"}),
    "nodeSelector": ({"nodeSelector": NODES}, {f"{POD}.nodeSelector": NODES}),
    "tolerations": ({"tolerations": TOLERATION}, {f"{POD}.tolerations": TOLERATION}),
    "affinity": ({"affinity": AFFINITY}, {f"{POD}.affinity": AFFINITY}),
    "topologySpreadConstraints": (
        POSTGRESQL | {"topologySpreadConstraints": SPREAD},
        {f"{POD}.topologySpreadConstraints": SPREAD},
    ),
    "priorityClassName": ({"priorityClassName": "low"}, {f"{POD}.priorityClassName": "low"}),
    "terminationGracePeriodSeconds": (
        {"terminationGracePeriodSeconds": 40},
        {f"{POD}.terminationGracePeriodSeconds": 40},
    ),
    "service.type": ({"service": {"type": "NodePort"}}, {"Service.spec.type": "NodePort"}),
    "service.port": ({"service": {"port": 80}}, {"Service.spec.ports.0.port": 80}),
    "service.annotations": (
        {"service": {"annotations": {"team": "tools"}}},
        {"Service.metadata.annotations": {"team": "tools"}},
    ),
    "networkPolicy.enabled": ({"networkPolicy": {"enabled": False}}, {"NetworkPolicy": None}),
    "networkPolicy.from": ({"networkPolicy": {"from": []}}, {"NetworkPolicy.spec.ingress": []}),
    "networkPolicy.egress": ({"networkPolicy": {"egress": []}}, {"NetworkPolicy.spec.egress": []}),
    "networkPolicy.extraEgress": (
        {"networkPolicy": {"extraEgress": COLLECTOR}},
        {"NetworkPolicy.spec.egress.3": COLLECTOR[0]},
    ),
    "podDisruptionBudget.enabled": (
        POSTGRESQL | {"podDisruptionBudget": {"enabled": False}},
        {"PodDisruptionBudget": None},
    ),
    "podDisruptionBudget.maxUnavailable": (
        POSTGRESQL | {"podDisruptionBudget": {"maxUnavailable": "25%"}},
        {"PodDisruptionBudget.spec.maxUnavailable": "25%"},
    ),
    "serviceMonitor.enabled": (
        {"serviceMonitor": {"enabled": True}},
        {"ServiceMonitor.spec.jobLabel": "app.kubernetes.io/name"},
    ),
    "serviceMonitor.labels": (
        {"serviceMonitor": {"enabled": True, "labels": {"release": "p"}}},
        {"ServiceMonitor.metadata.labels.release": "p"},
    ),
    "serviceMonitor.interval": (
        {"serviceMonitor": {"enabled": True, "interval": "30s"}},
        {"ServiceMonitor.spec.endpoints.0.interval": "30s"},
    ),
    "serviceMonitor.endpoint": (
        {"serviceMonitor": {"enabled": True, "endpoint": {"scheme": "http", "honorLabels": True}}, **PASSWORDS},
        {
            "ServiceMonitor.spec.endpoints.0": {
                "port": "metrics",
                "path": "/metrics",
                "interval": "1m",
                "scheme": "http",
                "honorLabels": True,
            }
        },
    ),
    "prometheusRule.enabled": (
        {"prometheusRule": {"enabled": True}},
        {"PrometheusRule.metadata.name": "adoption-exporter"},
    ),
    "prometheusRule.labels": (
        {"prometheusRule": {"enabled": True, "labels": {"release": "p"}}},
        {"PrometheusRule.metadata.labels.release": "p"},
    ),
    "prometheusRule.runbooks": (
        {"prometheusRule": {"enabled": True, "runbooks": "https://wiki/r/"}},
        {
            "PrometheusRule.spec.groups.1.rules.0.annotations.runbook_url": "https://wiki/r/AdoptionDropped.md",
        },
    ),
    "prometheusRule.grafana": (
        {"prometheusRule": {"enabled": True, "grafana": "https://g"}},
        {
            "PrometheusRule.spec.groups.1.rules.0.annotations.dashboard_url": "https://g/d/adoption-overview"
            "?var-source={{ $labels.source }}"
        },
    ),
    "dashboards.enabled": (
        {"dashboards": {"enabled": True}},
        {"adoption-exporter-dashboard-overview.metadata.labels.grafana_dashboard": "1"},
    ),
    "dashboards.namespace": (
        {"dashboards": {"enabled": True, "namespace": "grafana"}},
        {"adoption-exporter-dashboard-overview.metadata.namespace": "grafana"},
    ),
    "dashboards.label": (
        {"dashboards": {"enabled": True, "label": "board"}},
        {"adoption-exporter-dashboard-overview.metadata.labels.board": "1"},
    ),
    "dashboards.labelValue": (
        {"dashboards": {"enabled": True, "labelValue": ""}},
        {"adoption-exporter-dashboard-overview.metadata.labels.grafana_dashboard": ""},
    ),
    "dashboards.annotations": (
        {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Adoption"}}},
        {"adoption-exporter-dashboard-overview.metadata.annotations": {"grafana_folder": "Adoption"}},
    ),
}


@pytest.fixture(scope="module")
def rendered() -> dict[str, Rendered]:
    """The chart with the values of each case; Helm takes seconds to start."""
    return dict(zip(CASES, helm.render_each([values for values, _ in CASES.values()]), strict=True))


@pytest.mark.servers("helm")
def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    assert helm.lint() == []


@pytest.mark.servers("helm")
@pytest.mark.parametrize("release", plain.RELEASES)
def test_what_helm_installs_fits_the_schemas_of_kubernetes(release: str) -> None:
    installed = helm.render_each([{}, POSTGRESQL, MONITORED])

    assert [invalid(one, release) for one in installed] == [[], [], []]
    assert [sorted({manifest["kind"] for manifest in one.manifests}) for one in installed] == [
        ["ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service", "ServiceAccount"],
        ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"],
        [
            *("ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "PrometheusRule", "Service"),
            *("ServiceAccount", "ServiceMonitor"),
        ],
    ]


def test_there_is_a_case_for_every_value() -> None:
    assert list(CASES) == KEYS


@pytest.mark.servers("helm")
@pytest.mark.parametrize("key", CASES)
def test_each_value_is_where_it_should_be(key: str, rendered: Mapping[str, Rendered]) -> None:
    _, expected = CASES[key]

    assert rendered[key].refused == ""
    assert invalid(rendered[key], plain.RELEASES[-1]) == []
    assert {place: at(rendered[key], place) for place in expected} == expected


@pytest.mark.servers("helm")
@pytest.mark.parametrize(("variant", "values"), [("sqlite", {}), ("postgresql", POSTGRESQL)])
def test_without_other_values_it_says_what_the_plain_manifests_say(variant: str, values: Mapping[str, Any]) -> None:
    made = helm.render({**values, "serviceMonitor": {"enabled": True}}).manifests
    monitor = plain.of_kind("ServiceMonitor", "prometheus-operator")
    wanted = [*plain.manifests("common", variant), {**monitor, "spec": {**monitor["spec"], "jobLabel": JOB}}]

    account = [manifest for manifest in made if manifest["kind"] == "ServiceAccount"]
    assert by_kind(as_plain(manifest) for manifest in made if manifest not in account) == by_kind(wanted)
    assert [one["automountServiceAccountToken"] for one in account] == [False]


@pytest.mark.servers("helm")
def test_several_replicas_with_sqlite_are_refused_in_one_sentence() -> None:
    refused = [
        one.refused.partition(": ")[2] for one in helm.render_each([{"replicas": 2}, {"replicas": 2, **NO_STATE}])
    ]

    said = (
        "replicas is 2, and a SQLite state belongs to one process: set state.url in config to a postgresql:// URL, "
        "or replicas to 1"
    )
    assert refused == [said, said]


@pytest.mark.servers("helm")
@pytest.mark.parametrize("values", [{}, POSTGRESQL], ids=["sqlite", "postgresql"])
def test_the_exporter_takes_the_configuration(values: Mapping[str, Any], tmp_path: Path) -> None:
    made = helm.render(values)
    (tmp_path / "augment").write_text("secret")
    text = at(made, "ConfigMap.data")["config.yaml"].replace("/run/secrets/adoption-exporter", str(tmp_path))
    (tmp_path / "config.yaml").write_text(text)

    checked = CliRunner().invoke(commands, ["check-config", str(tmp_path / "config.yaml")])
    started = CliRunner().invoke(commands, [*at(made, f"{CONTAINER}.args"), "--help"])

    assert (checked.exit_code, started.exit_code) == (0, 0), checked.output


@pytest.mark.servers("helm")
def test_the_configuration_arrives_as_it_was_written() -> None:
    texts = [
        (CHECKOUT / "config.example.yaml").read_text().replace('"sqlite', '"postgresql'),
        "  sources: {}\n",
        "# {{ .Values.tokens }} é \t\n\nsources:\n  a: {vendor: gitlab, projects: [12345678], ready_at: 03:00}",
    ]

    arrived = [
        at(one, "ConfigMap.data")["config.yaml"] for one in helm.render_each([{"config": text} for text in texts])
    ]

    assert [text.rstrip("\n") for text in arrived] == [text.rstrip("\n") for text in texts]


SHOWN = "would be shown in a ConfigMap: "
PASSWORD = (
    f"the password of state.url in config {SHOWN}leave it out and name a Secret in postgresql.secretName, or use "
    "${VARIABLE} with extraEnv"
)
TOKEN = (
    f"sources.a.token in config {SHOWN}use token_file: /run/secrets/adoption-exporter/KEY with a key of the Secret in "
    "tokens.secretName, or ${VARIABLE} with extraEnv"
)
HEADER = f"otlp.headers.Authorization in config {SHOWN}use ${{VARIABLE}} with extraEnv"


@pytest.mark.servers("helm")
def test_a_secret_in_the_configuration_is_refused_and_not_repeated() -> None:
    refusals = {
        "sources: {a: {vendor: cursor, token: hunter2}}": TOKEN,
        "sources: {a: {vendor: cursor, token: 'hunter2${X}'}}": TOKEN,
        "sources: {a: {vendor: cursor, token: '$${hunter2}'}}": TOKEN,
        "sources: {b: {token: '${X}'}, a: {token: 42}}": TOKEN,
        "sources: {a: {vendor: copilot, billing: {token: hunter2}}}": TOKEN.replace("a.token", "a.billing.token"),
        "otlp: {endpoint: 'http://c:4318', headers: {Authorization: Bearer hunter2}}": HEADER,
        "state: {url: 'postgresql://exporter:hunter2@db/adoption'}": PASSWORD,
        "state: {url: 'postgresql+psycopg://exporter:hunter2${X}@db/adoption'}": PASSWORD,
    }

    refused = [one.refused for one in helm.render_each([{"config": text} for text in refusals])]

    assert [text.partition(": ")[2] for text in refused] == list(refusals.values())
    assert "hunter2" not in "".join(refused)


@pytest.mark.servers("helm")
def test_a_variable_in_the_place_of_a_secret_is_fine() -> None:
    texts = [
        "sources: {a: {vendor: cursor, token: '${CURSOR_KEY}'}}",
        "otlp: {endpoint: 'http://c:4318', headers: {Authorization: 'Bearer ${OTLP_TOKEN}'}}",
        "state: {url: 'postgresql://exporter:${DB_PASSWORD}@db:5432/adoption'}",
        "state: {url: '${STATE_URL}'}",
    ]

    assert [one.refused for one in helm.render_each([{"config": text} for text in texts])] == [""] * 4


def test_the_chart_knows_every_key_that_is_a_secret() -> None:
    secret = {key.name for _, keys in sections() for key in keys if "secret" in configuration.kind(key.field)}

    assert secret == {"token", "billing.token", "headers"}


@pytest.mark.servers("helm")
def test_config_maps_hold_the_configuration_and_dashboards_alone_and_nothing_is_a_secret() -> None:
    made = helm.render({**MONITORED, **PASSWORDS, "files": {"secretName": "teams"}}).manifests

    maps = {manifest["metadata"]["name"]: manifest["data"] for manifest in made if manifest["kind"] == "ConfigMap"}
    dashboards = sorted((CHECKOUT / "grafana" / "dashboards").glob("*.json"))
    assert maps == {
        "adoption-exporter": {"config.yaml": VALUES["config"]},
        **{
            f"adoption-exporter-dashboard-{file.stem.removeprefix('adoption-')}": {file.name: file.read_text()}
            for file in dashboards
        },
    }
    assert "Secret" not in {manifest["kind"] for manifest in made}


@pytest.mark.servers("helm")
def test_what_helm_and_kubernetes_keep_is_not_too_large_for_them(tmp_path: Path) -> None:
    """Each object may have a mebibyte, and so may the Secret in which Helm keeps the chart and what it made."""
    made = helm.render(MONITORED)
    with tarfile.open(helm.package(tmp_path)) as archive:
        names = [entry.name for entry in archive if entry.isfile()]
        contents = [file.read() for name in names if (file := archive.extractfile(name))]
    files = [
        {"name": name, "data": base64.b64encode(data).decode()} for name, data in zip(names, contents, strict=True)
    ]
    kept = base64.b64encode(gzip.compress(json.dumps([files, made.files]).encode()))

    assert max(len(json.dumps(manifest)) for manifest in made.manifests) < MEBIBYTE
    # Kubernetes' own base64 is on the way only; it counts what is behind it.
    assert len(kept) < MEBIBYTE


@pytest.mark.servers("helm")
def test_the_rules_are_those_of_the_repository_with_their_braces() -> None:
    groups = at(helm.render(MONITORED), "PrometheusRule.spec")["groups"]

    assert groups == plain.of_kind("PrometheusRule", "prometheus-operator")["spec"]["groups"]
    assert "{{ $labels.source }}" in json.dumps(groups)


@pytest.mark.servers("helm", "promtool")
def test_prometheus_takes_the_rules_of_the_chart(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(at(helm.render(MONITORED), "PrometheusRule.spec")))

    checked = real_servers.promtool("check", "rules", tmp_path / "rules.yaml")

    assert checked.returncode == 0, checked.stderr


@pytest.mark.servers("helm")
def test_the_package_has_no_links_and_makes_the_same(tmp_path: Path) -> None:
    archive = helm.package(tmp_path)

    with tarfile.open(archive) as entries:
        assert [entry.name for entry in entries if not entry.isfile()] == []
    assert archive.name == f"adoption-exporter-{__version__}.tgz"
    assert helm.render(MONITORED, chart=archive) == helm.render(MONITORED)


@pytest.mark.servers("helm")
def test_a_chart_that_lost_its_links_says_so(tmp_path: Path) -> None:
    chart = Path(shutil.copytree(CHART, tmp_path / "adoption-exporter", symlinks=True))
    for link in (path for path in chart.rglob("*") if path.is_symlink()):
        link.unlink()

    refused = [
        helm.render({kind: {"enabled": True}}, chart=chart).refused.rpartition("error calling fail: ")[2]
        for kind in ("dashboards", "prometheusRule")
    ]

    end = "which are links out of its folder: install what `helm package` makes of it in a checkout"
    assert [text.partition(": ")[2] or text for text in refused] == [
        f"the chart has no {what}, {end}" for what in ("dashboards", "rules")
    ]
    assert helm.render(chart=chart).refused == ""


@pytest.mark.servers("helm")
def test_two_releases_have_nothing_in_common() -> None:
    first, second = helm.render(MONITORED).manifests, helm.render(MONITORED, release="second").manifests

    names = [{(one["kind"], one["metadata"]["name"]) for one in release} for release in (first, second)]
    assert names[0].isdisjoint(names[1])
    assert at(helm.render(release="second"), "Service.spec.selector") == {
        "app.kubernetes.io/name": "adoption-exporter",
        "app.kubernetes.io/instance": "second",
    }


@pytest.mark.servers("helm")
def test_a_changed_configuration_starts_the_pods_anew_and_anything_else_does_not() -> None:
    place = "Deployment.spec.template.metadata.annotations"
    default, same, changed = (
        at(one, place) for one in helm.render_each([{}, {"service": {"port": 80}}, {"config": "sources: {}\n"}])
    )

    assert default == same != changed


@pytest.mark.servers("helm")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"confg": "sources: {}"}, "additional properties 'confg' not allowed"),
        ({"image": {"digest": "latest"}}, "at '/image/digest': 'latest' does not match pattern"),
        ({"replicas": "two"}, "at '/replicas': got string, want integer"),
        ({"config": {"sources": {}}}, "at '/config': got object, want string"),
        ({"config": ""}, "at '/config': minLength: got 0, want 1"),
        ({"persistence": {"accessModes": ["Sometimes"]}}, "at '/persistence/accessModes/0'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(values: Mapping[str, Any], said: str) -> None:
    assert said in helm.render(values).refused


def test_the_schema_is_one_and_the_default_values_fit_it() -> None:
    check = [sys.executable, "-m", "check_jsonschema"]
    schema, values = str(CHART / "values.schema.json"), str(CHART / "values.yaml")
    for arguments in (["--check-metaschema", schema], ["--schemafile", schema, values]):
        said = subprocess.run([*check, *arguments], capture_output=True, text=True)
        assert said.returncode == 0, said.stdout


def test_the_table_of_its_readme_is_what_the_values_and_the_schema_say() -> None:
    assert chart_page.PAGE.read_text() == chart_page.page(), "run `python -m docs.chart`"


@pytest.mark.servers("helm")
def test_the_values_in_its_readme_are_fine() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", chart_page.PAGE.read_text(), re.DOTALL)

    refused = [one.refused for one in helm.render_each([yaml.safe_load(block) for block in blocks])]

    assert refused == [""] * len(blocks)
    assert len(blocks) == 3


@pytest.mark.servers("helm")
def test_the_notes_say_what_is_still_to_do_and_where_the_state_is() -> None:
    default, without, shared = (
        one.files["adoption-exporter/templates/NOTES.txt"]
        for one in helm.render_each([{}, {"persistence": {"enabled": False}, "tokens": {"secretName": ""}}, POSTGRESQL])
    )

    assert "  kubectl --namespace tools create secret generic adoption-exporter-tokens --from-file" in default
    assert "Its state is on the volume claim adoption-exporter, which `helm uninstall` leaves.\n" in default
    assert "Its state ends with the pod" in without
    assert "create secret" not in without
    assert "Its state is in PostgreSQL.\n" in shared


def test_its_versions_are_those_of_the_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


@pytest.mark.servers("helm")
@pytest.mark.parametrize("page", ["README.md", "deploy/helm/adoption-exporter/README.md"])
def test_what_a_page_says_to_install_can_be_installed(page: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(VALUES["config"])
    lines = re.findall(r"^ {4}helm install adoption-exporter (\S+) (.+)$", (CHECKOUT / page).read_text(), re.MULTILINE)

    ((chart, flags),) = lines
    (made,) = helm.render_each([flags.replace("config=config.yaml", f"config={tmp_path / 'config.yaml'}")])

    assert (CHECKOUT / chart).resolve() == CHART
    assert at(made, f"{CONTAINER}.image") == f"registry.example.com/adoption-exporter:{__version__}"
    assert at(made, "ConfigMap.data") == {"config.yaml": VALUES["config"]}


JOB = "app.kubernetes.io/name"
NO_STATE = {"config": "sources: {a: {vendor: augment, token_file: /run/secrets/adoption-exporter/augment}}"}


def at(rendered: Rendered, place: str) -> Any:
    """What is at a place such as `Service.spec.ports.0`, which begins with a kind or a name; None where nothing is."""
    first, *keys = place.split(".")
    ours = [manifest for manifest in rendered.manifests if manifest["kind"] == first]
    named = [manifest for manifest in rendered.manifests if manifest["metadata"]["name"] == first]
    found: Any = next(iter(ours or named), None)
    for key in keys:
        found = found[int(key)] if isinstance(found, list) else found.get(key)
    return found


def invalid(rendered: Rendered, release: str) -> list[str]:
    """What a release of Kubernetes would not take, without the kinds that only an operator knows."""
    found = []
    for manifest in rendered.manifests:
        if manifest["apiVersion"] != OF_OPERATOR and not is_dashboard(manifest):
            try:
                kubernetes_validate.validate(manifest, release, strict=True)
            except kubernetes_validate.ValidationError as error:
                found.append(f"{manifest['kind']}: {error.message}")
    return found


def is_dashboard(manifest: Manifest) -> bool:
    """Whether it is a dashboard other than the overview: all are alike, and each takes a while to check."""
    name = manifest["metadata"]["name"]
    return "-dashboard-" in name and not name.endswith("-overview")


def as_plain(manifest: Manifest) -> Manifest:
    """A manifest of the chart without what only a chart has: a name for each release, and what Helm wants to know."""
    bare: dict[str, Any] = json.loads(
        json.dumps(manifest).replace('"app.kubernetes.io/instance": "adoption-exporter"', '"-": "-"')
    )
    bare = {name: without(value, "-") for name, value in bare.items()}
    bare["metadata"] = {"name": manifest["metadata"]["name"], "labels": plain.LABEL}
    if manifest["kind"] == "Deployment":
        template = bare["spec"]["template"]
        del template["metadata"]["annotations"]["checksum/config"]
        assert template["metadata"].pop("annotations") == {}
        assert template["spec"].pop("serviceAccountName") == "adoption-exporter"
        assert template["spec"]["containers"][0].pop("imagePullPolicy") == "IfNotPresent"
    return bare


def without(value: Any, key: str) -> Any:
    """A document in which no mapping has this key."""
    if isinstance(value, dict):
        return {name: without(inner, key) for name, inner in value.items() if name != key}
    return [without(inner, key) for inner in value] if isinstance(value, list) else value


def by_kind(manifests: Iterator[Manifest] | Sequence[Manifest]) -> dict[str, Manifest]:
    return {manifest["kind"]: manifest for manifest in manifests}
