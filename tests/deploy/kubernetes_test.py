"""Chart and kustomize base, rendered by helm and kustomize, judged by Kubernetes' own schemas for two of its versions, strictly.

Resources that others define (Prometheus operator, KEDA) have no schema here: their fields are compared with what those projects document.
"""
import json
import re
import subprocess
import sys
import unittest

import kubernetes_validate
import yaml

from weir_testing.kubernetes import CHART, KUSTOMIZE, Refused, container, helm, kustomize, of_kind, settings, tool
from weir_testing.paths import DEPLOY, ROOT, WEIR

VERSIONS = ("1.29", "1.34")  # the oldest that is still about, and the newest that the validator knows
SASL = {"brokers": "kafka-0:9093,kafka-1:9093", "securityProtocol": "SASL_SSL", "caSecret": "kafka-ca",
        "sasl": {"username": "weir", "passwordSecret": {"name": "kafka-weir"}}}
EVERYTHING = {
    "kafka": SASL,
    "config": "kafka:\n  brokers: localhost:9092\nstate:\n  dir: /var/lib/weir/state\n",
    "console": {"enabled": True},
    "networkPolicy": {"consoleFrom": [{"podSelector": {"matchLabels": {"app": "gateway"}}}]},
    "metrics": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}},
    "autoscaling": {"enabled": True},
    "podLabels": {"team": "payments"}, "podAnnotations": {"note": "x"}, "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}], "imagePullSecrets": [{"name": "registry"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"}}]}},
    "extraVolumes": [{"name": "model", "persistentVolumeClaim": {"claimName": "model"}}],
    "extraVolumeMounts": [{"name": "model", "mountPath": "/models", "readOnly": True}],
    "extraEnv": [{"name": "TZ", "value": "UTC"}], "persistence": {"storageClassName": "fast", "whenScaled": "Delete"},
    "serviceAccount": {"annotations": {"a": "b"}},
}
OF_OTHERS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}


def refusal(**values) -> str:
    try:
        helm(values=values)
    except Refused as refused:
        return re.sub(r"walk\.go.*\n", "", str(refused))
    raise AssertionError(f"{values} is not refused")


class Valid(unittest.TestCase):
    def judge(self, manifests: list[dict], version: str) -> set[str]:
        kinds = set()
        for manifest in manifests:
            kinds.add(manifest["kind"])
            if manifest["kind"] in OF_OTHERS:
                continue
            with self.subTest(manifest["kind"], version=version):
                kubernetes_validate.validate(manifest, version, strict=True)
        return kinds

    def test_what_the_chart_renders_is_kubernetes_of_both_versions(self):
        for version in VERSIONS:
            self.assertEqual(self.judge(helm(version=f"{version}.0"), version),
                             {"StatefulSet", "Service", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"})
            kinds = self.judge(helm(version=f"{version}.0", values=EVERYTHING), version)
            self.assertEqual(kinds & OF_OTHERS, OF_OTHERS)
        print(f"no schema here for {', '.join(sorted(OF_OTHERS))}: their fields are checked one by one", file=sys.stderr)

    def test_what_kustomize_renders_is_kubernetes_of_both_versions(self):
        for version in VERSIONS:
            for folder in ("base", "example"):
                self.judge(kustomize(KUSTOMIZE / folder), version)

    def test_the_judge_finds_a_field_that_kubernetes_does_not_know(self):
        broken = of_kind(helm(), "StatefulSet")
        broken["spec"]["replica"] = 3
        with self.assertRaises(Exception):
            kubernetes_validate.validate(broken, VERSIONS[0], strict=True)

    def test_helm_lint_has_nothing_to_say(self):
        done = subprocess.run([tool("helm"), "lint", "--strict", CHART, "--set", "kafka.brokers=kafka:9092"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


class Pods(unittest.TestCase):
    def test_each_pod_is_a_member_of_its_own_with_a_volume_of_its_own(self):
        pods = of_kind(helm(), "StatefulSet")
        # Kubernetes puts the pod's name in: weir-0, weir-1, ...
        self.assertEqual(settings(pods)["instance.id"], "$(WEIR_INSTANCE)")
        self.assertIn({"name": "WEIR_INSTANCE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, container(pods)["env"])
        [volume] = pods["spec"]["volumeClaimTemplates"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container(pods)["volumeMounts"]}
        self.assertEqual(mounts[volume["metadata"]["name"]], "/var/lib/weir")
        self.assertTrue(settings(pods)["state.dir"].startswith("/var/lib/weir/"))

    def test_pods_may_do_little(self):
        spec = of_kind(helm(values=EVERYTHING), "StatefulSet")["spec"]["template"]["spec"]
        self.assertFalse(spec["automountServiceAccountToken"])
        self.assertTrue(spec["securityContext"]["runAsNonRoot"])
        self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual(spec["containers"][0]["securityContext"],
                         {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
        user = re.search(r"(?m)^USER (\d+)", (DEPLOY / "container/Containerfile").read_text())[1]
        self.assertEqual(spec["securityContext"]["runAsUser"], int(user))

    def test_a_password_is_a_file_and_nowhere_else(self):
        pods = of_kind(helm(values={"kafka": SASL}), "StatefulSet")
        self.assertEqual(settings(pods)["kafka.properties.sasl.password_file"], "/run/secrets/weir/kafka-password")
        [secrets] = [v for v in pods["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets"]
        self.assertEqual(secrets["projected"]["sources"][0]["secret"],
                         {"name": "kafka-weir", "items": [{"key": "password", "path": "kafka-password"}]})
        self.assertIn("settings.kafka.properties.sasl.password would be readable",
                      refusal(settings={"kafka.properties.sasl.password": "x"}))

    def test_a_restore_makes_a_pod_unready_and_never_kills_it(self):
        pod = container(of_kind(helm(), "StatefulSet"))
        self.assertEqual([pod[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")],
                         ["/livez", "/livez", "/readyz"])

    def test_what_the_chart_tells_weir_is_a_configuration_that_check_takes(self):
        pods = of_kind(helm(values={"kafka": {"brokers": "a:1,b:2"}, "console": {"enabled": True}}), "StatefulSet")
        words = [word for key, value in settings(pods).items() for word in ("--set", f"{key}={value}".replace("$(WEIR_INSTANCE)", "weir-0"))]
        config = ROOT / container(pods)["args"][2].removeprefix("/opt/weir/")
        done = subprocess.run([WEIR, "explain-config", "--json", "--config", config, *words], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        known = {entry["key"]: entry["value"] for entry in json.loads(done.stdout)}
        self.assertEqual(known["instance.id"].strip('"'), "weir-0")
        self.assertEqual(known["topics.partitions"], "12")
        self.assertEqual(known["console.listen"].strip('"'), "0.0.0.0:9465")


class Fit(unittest.TestCase):
    def test_more_workers_than_partitions_are_warned_of(self):
        said = of_kind(helm(values={"replicas": 5, "workers": 3, "partitions": 12}), "StatefulSet")["metadata"]["annotations"]["weir/warning"]
        self.assertEqual(said, "5 replicas of 3 worker(s) on 12 partitions: 3 worker(s) have nothing to do")
        self.assertNotIn("annotations", of_kind(helm(values={"replicas": 4, "workers": 3}), "StatefulSet")["metadata"])
        self.assertIn('include "weir.warning"', (CHART / "templates/NOTES.txt").read_text())

    def test_autoscaling_never_asks_for_more_than_the_partitions(self):
        self.assertIn("autoscaling.maxReplicas (13) times workers (1) is more than partitions (12)",
                      refusal(autoscaling={"enabled": True, "maxReplicas": 13}))
        scaled = helm(values={"autoscaling": {"enabled": True}})
        self.assertNotIn("replicas", of_kind(scaled, "StatefulSet")["spec"])  # two who decide would fight
        spec = of_kind(scaled, "ScaledObject")["spec"]
        self.assertEqual(spec["scaleTargetRef"]["name"], of_kind(scaled, "StatefulSet")["metadata"]["name"])
        self.assertEqual(spec["triggers"][0]["metadata"]["consumerGroup"], "weir")
        self.assertEqual(set(spec) - {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "cooldownPeriod", "advanced", "triggers"}, set())
        for value in spec["triggers"][0]["metadata"].values():
            self.assertIsInstance(value, str)  # KEDA takes strings only

    def test_kubernetes_waits_longer_than_weir_needs_to_leave(self):
        said = refusal(settings={"shutdown.timeout": "1m"})
        self.assertIn("terminationGracePeriodSeconds (45) must be longer than settings.shutdown.timeout (60 s)", said)
        helm(values={"settings": {"shutdown.timeout": "1m"}, "terminationGracePeriodSeconds": 75})

    def test_wrong_values_are_refused_by_name(self):
        for values, said in (
                ({"replica": 3}, "Additional property replica is not allowed"),
                ({"kafka": {}}, "kafka.brokers"),
                ({"kafka": {"brokers": "kafka"}}, "kafka.brokers: Does not match pattern"),
                ({"kafka": {"brokers": "a:1", "brokrs": "b"}}, "kafka: Additional property brokrs is not allowed"),
                ({"replicas": "three"}, "replicas: Invalid type. Expected: integer, given: string"),
                ({"image": {"digest": "sha256:1"}}, "image.digest"),
                ({"persistence": {"size": "ten"}}, "persistence.size"),
                ({"persistence": {"whenScaled": "Keep"}}, "persistence.whenScaled"),
                ({"networkPolicy": {"kafkaPorts": []}}, "networkPolicy.kafkaPorts"),
                ({"settings": {"workers": 2}}, "settings"),
                ({"settings": {"state.dir": "/x"}}, "settings.state.dir: the chart sets this key"),
                ({"kafka": {"brokers": "a:1", "securityProtocol": "SASL_SSL"}}, "needs kafka.sasl.username")):
            with self.subTest(values):
                self.assertIn(said, refusal(**values))


class Around(unittest.TestCase):
    def test_metrics_and_console_are_open_to_different_people(self):
        rules = of_kind(helm(values=EVERYTHING), "NetworkPolicy")["spec"]["ingress"]
        by_port = {rule["ports"][0]["port"]: rule["from"] for rule in rules}
        self.assertEqual(by_port["console"], [{"podSelector": {"matchLabels": {"app": "gateway"}}}])
        self.assertEqual(by_port["metrics"][0]["namespaceSelector"]["matchLabels"], {"kubernetes.io/metadata.name": "monitoring"})
        closed = of_kind(helm(values={"networkPolicy": {"metricsFrom": []}}), "NetworkPolicy")["spec"]
        self.assertEqual((closed["ingress"], closed["policyTypes"]), (None, ["Ingress", "Egress"]))

    def test_rules_and_dashboards_are_the_files_of_deploy(self):
        all_of_it = helm(values=EVERYTHING)
        groups = of_kind(all_of_it, "PrometheusRule")["spec"]["groups"]
        files = [yaml.safe_load((DEPLOY / "prometheus" / name).read_text())["groups"] for name in ("weir.rules.yaml", "weir.alerts.yaml")]
        self.assertEqual(groups, files[0] + files[1])
        boards = {name: json.loads(text) for m in all_of_it if m["kind"] == "ConfigMap" for name, text in m["data"].items() if name.endswith(".json")}
        self.assertEqual(boards, {file.name: json.loads(file.read_text()) for file in (DEPLOY / "grafana").glob("*.json")})
        self.assertLess(max(len(json.dumps(board)) for board in boards.values()), 1 << 20)  # what a ConfigMap holds

    def test_prometheus_finds_the_pods_under_a_job_that_rules_know(self):
        for release, job in (("weir", "weir"), ("weir-eu", "weir-eu"), ("eu", "weir-eu")):
            manifests = helm(release, values={"metrics": {"serviceMonitor": {"enabled": True}}})
            spec = of_kind(manifests, "ServiceMonitor")["spec"]
            service = of_kind(manifests, "Service")
            self.assertEqual(spec["selector"]["matchLabels"].items() & service["metadata"]["labels"].items(), spec["selector"]["matchLabels"].items())
            self.assertEqual(spec["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])
            self.assertEqual(spec["endpoints"][0]["relabelings"][0], {"targetLabel": "job", "replacement": job})


class Kustomize(unittest.TestCase):
    def test_the_base_is_what_the_chart_renders(self):
        base, chart = kustomize(KUSTOMIZE / "base"), helm()
        ours = settings(of_kind(base, "StatefulSet"))
        variables = of_kind(base, "ConfigMap")["data"]
        # The image's configuration takes brokers from the environment.
        self.assertEqual({**ours, "kafka.brokers": variables["KAFKA_BROKERS"]}, settings(of_kind(chart, "StatefulSet")))
        for manifests in (base, chart):
            for manifest in manifests:
                for label in ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"):
                    manifest["metadata"].get("labels", {}).pop(label, None)
            pod = container(of_kind(manifests, "StatefulSet"))
            pod.pop("args")
            pod.pop("envFrom", None)
        for manifest in chart:
            with self.subTest(manifest["kind"]):
                self.assertEqual(of_kind(base, manifest["kind"]), manifest)

    def test_the_example_changes_what_it_says(self):
        example = kustomize(KUSTOMIZE / "example")
        pods = of_kind(example, "StatefulSet")
        self.assertEqual((pods["spec"]["replicas"], pods["metadata"]["namespace"]), (6, "payments"))
        self.assertEqual(container(pods)["image"], "registry.example.com/weir:0.1.0")
        self.assertEqual(settings(pods)["commit.interval"], "10ms")
        [config] = [m for m in example if m["kind"] == "ConfigMap"]
        self.assertEqual(container(pods)["envFrom"][0]["configMapRef"]["name"], config["metadata"]["name"])  # its hash rolls the pods


if __name__ == "__main__":
    unittest.main(verbosity=2)
