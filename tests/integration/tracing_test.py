"""Traces: from the header of a payment to its verdict, to a collector, and to exemplars in Prometheus. A collector that is away
or slow costs spans and nothing else."""
import json
import time
import urllib.request

import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.collector import Collector, attributes
from weir_testing.job import Job
from weir_testing.prometheus import Prometheus
from weir_testing.waiting import eventually
from weir_testing.worker import Worker

STEPS = ["decode", "validate", "dedupe", "history", "windows", "score", "decide", "history", "emit", "produce", "commit"]
CALLER = "00f067aa0ba902b7"
OPENMETRICS = "application/openmetrics-text"


def trace_id(number: int) -> str:
    return f"{0x4bf92f3577b34da6a3ce929d0e0e0000 + number:032x}"


def of_trace(number: int, flags: str = "01") -> list[tuple[str, bytes]]:
    return [("traceparent", f"00-{trace_id(number)}-{CALLER}-{flags}".encode()), ("tracestate", b"shop=1")]


def scrape(worker: Worker, accept: str) -> tuple[str, str]:
    request = urllib.request.Request(f"http://{worker.admin}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


class Tracing(BrokerCase):
    def setUp(self):
        super().setUp()
        self.collector = Collector()
        self.addCleanup(self.collector.stop)

    def traced_worker(self, job: Job, endpoint: str = "", **settings) -> Worker:
        return job.worker("a", **{"tracing.endpoint": endpoint or self.collector.url, **settings}).start_ready()

    def test_a_trace_goes_from_the_caller_through_to_the_verdict(self):
        job = self.job().create_input_topics()
        secret = self.work / "headers"
        secret.write_text("Authorization: Bearer let-me-in\n")
        secret.chmod(0o600)
        worker = self.traced_worker(job, **{"tracing.ratio": 0, "tracing.headers_file": str(secret)})
        before = time.time_ns()
        self._publish(job)
        job.wait_drained()
        verdicts = {json.loads(record.value)["transaction_id"]: record for record in job.read("verdicts")}
        ids = [json.loads(line)["transaction_id"] for line in sample.transactions()[:200]]

        with self.subTest("the verdict, its features and a dead letter carry the trace on, others have none"):
            ours = self._header(verdicts[ids[10]])
            self.assertEqual((ours[1], ours[3]), (trace_id(10), "01"))
            self.assertNotIn(ours[2], (CALLER, "0" * 16))
            self.assertEqual(verdicts[ids[10]].headers["tracestate"], b"shop=1")
            features = next(r for r in job.read("features") if json.loads(r.value)["transaction_id"] == ids[10])
            self.assertEqual(self._header(features), ours)
            self.assertEqual(self._header(verdicts[ids[11]])[1:4:2], [trace_id(11), "00"])
            letter, = job.read("dead_letters")
            self.assertEqual(self._header(letter)[1], trace_id(13))
            self.assertEqual({i for i in ids if "traceparent" in verdicts[i].headers}, {ids[10], ids[11]})
            self.assertEqual(worker.metric("weir_bad_traceparents_total"), 1)
        with self.subTest("sampled traces reach the collector, whole and nested in time"):
            eventually(lambda: len(self.collector.spans()) == 2 * 1 + len(STEPS) + len(STEPS), 20, "the spans")
            traces = self.collector.traces()
            self.assertEqual(traces.keys(), {trace_id(10), trace_id(13)})
            self._check_tree(traces[trace_id(10)], verdicts[ids[10]], before)
            whole = next(span for span in traces[trace_id(13)] if span.kind == span.SPAN_KIND_CONSUMER)
            self.assertEqual(attributes(whole)["weir.outcome"], "dead_letter")
            self.assertEqual({headers["Authorization"] for headers in self.collector.requests}, {"Bearer let-me-in"})
            sent = "".join(self.collector.bodies)
            payment = json.loads(sample.transactions()[10])
            for private in (payment["user_id"], payment["merchant_id"], str(payment["amount"]), ids[10]):
                self.assertNotIn(f'"{private}"', sent)
            self.assertNotIn("let-me-in", worker.log())
        with self.subTest("a strict parser of OpenMetrics takes the scrape and finds the trace"):
            self._check_openmetrics(worker)
        with self.subTest("and Prometheus, which asks for it by itself"):
            self._check_prometheus(worker, job)

    def _publish(self, job: Job) -> None:
        """200 payments; the 10th sampled, the 11th not, the 12th with nonsense. And one that is broken, in a trace."""
        given = {10: of_trace(10), 11: of_trace(11, "00"), 12: [("traceparent", b"00-" + b"0" * 32 + b"-1-01")]}
        for number, line in enumerate(sample.transactions()[:200]):
            job.publisher.send(job.topic["transactions"], line, sample.user_of(line), headers=given.get(number))
        broken = sample.transactions()[300].replace(b'"amount":', b'"amount_":')
        job.publisher.send(job.topic["transactions"], broken, sample.user_of(broken), headers=of_trace(13))
        job.publisher.flush()

    def _header(self, record) -> list[str]:
        return record.headers["traceparent"].decode().split("-")

    def _check_tree(self, spans, verdict, before: int) -> None:
        whole, *steps = sorted(spans, key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))
        self.assertEqual(whole.kind, whole.SPAN_KIND_CONSUMER)
        self.assertEqual((whole.parent_span_id.hex(), whole.span_id.hex()), (CALLER, self._header(verdict)[2]))
        said, content = attributes(whole), json.loads(verdict.value)
        self.assertEqual(said["messaging.destination.name"], content["input"]["topic"])
        self.assertEqual(said["messaging.destination.partition.id"], str(content["input"]["partition"]))
        self.assertEqual(said["messaging.kafka.offset"], content["input"]["offset"])
        self.assertEqual((said["weir.action"], said["weir.outcome"]), (content["action"], "verdict"))
        self.assertEqual(sorted(step.name for step in steps), sorted(STEPS))
        self.assertEqual(len({span.span_id for span in spans}), len(spans))
        self.assertTrue(before - 1_000_000 <= whole.start_time_unix_nano < whole.end_time_unix_nano <= time.time_ns())
        for step in steps:
            self.assertEqual(step.parent_span_id, whole.span_id)
            self.assertTrue(whole.start_time_unix_nano <= step.start_time_unix_nano <= step.end_time_unix_nano
                            <= whole.end_time_unix_nano, step)
            self.assertGreaterEqual(attributes(step)["weir.batch.records"], 1)

    def _check_openmetrics(self, worker: Worker) -> None:
        kind, text = scrape(worker, f"{OPENMETRICS};version=1.0.0,text/plain;q=0.5")
        self.assertTrue(kind.startswith(f"{OPENMETRICS}; version=1.0.0"), kind)
        families = {family.name: family for family in text_string_to_metric_families(text)}
        self.assertEqual(sum(s.value for s in families["weir_verdicts"].samples), 200)
        self.assertEqual(families["weir_verdict_delay_seconds"].unit, "seconds")
        traces = {s.exemplar.labels["trace_id"] for s in families["weir_verdict_delay_seconds"].samples if s.exemplar}
        self.assertTrue(traces and traces <= {trace_id(10), trace_id(13)}, traces)
        kind, older = scrape(worker, "*/*")
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        self.assertNotIn("trace_id", older)

    def _check_prometheus(self, worker: Worker, job: Job) -> None:
        config = yaml.safe_dump({"global": {"scrape_interval": "500ms"}, "scrape_configs": [
            {"job_name": "weir", "static_configs": [{"targets": [worker.admin]}]}]})
        prometheus = Prometheus(self.work / "prometheus", config, "--enable-feature=exemplar-storage").start()
        self.addCleanup(prometheus.stop)

        def found() -> set[str]:
            series = prometheus.get("query_exemplars", query="weir_verdict_delay_seconds_bucket", start=time.time() - 600,
                                    end=time.time() + 60)
            return {exemplar["labels"]["trace_id"] for each in series for exemplar in each["exemplars"]}
        eventually(lambda: found() & {trace_id(10), trace_id(13)}, 20, "the trace of a payment among the exemplars", every=0.2)
        self.assertEqual(prometheus.now('weir_verdict_delay_seconds_bucket{le="1.0"} >= 0')[0]["metric"]["job"], "weir")

    def test_a_share_of_the_payments_begins_a_trace(self):
        job = self.job().create_input_topics()
        worker = self.traced_worker(job, **{"tracing.ratio": 0.2, "tracing.queue_max": 100_000})
        job.publish(sample.transactions()[:2_000])
        job.wait_drained()
        chosen = {self._header(record)[1] for record in job.read("verdicts") if "traceparent" in record.headers}
        self.assertTrue(320 <= len(chosen) <= 480, len(chosen))  # four standard deviations
        eventually(lambda: len(self.collector.traces()) == len(chosen), 30, "their spans")
        self.assertEqual(self.collector.traces().keys(), chosen)
        eventually(lambda: len(self.collector.spans()) == len(chosen) * (1 + len(STEPS)), 20, "whole trees")
        self.assertTrue(all(not span.parent_span_id for span in self.collector.spans() if span.kind == span.SPAN_KIND_CONSUMER))
        eventually(lambda: worker.metric("weir_spans_sent_total") == len(self.collector.spans()), 5, "they are counted")
        self.assertEqual(worker.metric("weir_spans_dropped_total") + worker.metric("weir_spans_failed_total"), 0)

    def test_a_collector_that_is_slow_or_away_costs_spans_only(self):
        rates = {}
        for name, endpoint, settings in (
                ("off", "", {"tracing.endpoint": ""}),
                ("slow", self.collector.url, {"tracing.ratio": 1, "tracing.queue_max": 256}),
                ("away", "http://127.0.0.1:1", {"tracing.ratio": 1, "tracing.queue_max": 256})):
            self.collector.pause = 1.0
            job = self.job(name).create_input_topics()
            lines = sample.transactions()[:8_000]
            job.publish(lines)
            worker = self.traced_worker(job, endpoint, **settings)
            eventually(lambda: worker.metric("weir_events_consumed_total") > 0, 20, "the first payments", every=0.01)
            started = time.monotonic()
            job.wait_drained()
            rates[name] = len(lines) / (time.monotonic() - started)
            with self.subTest(name):
                self.assertEqual(len(job.read("verdicts")), len(lines))
                if name != "off":
                    self.assertGreater(worker.metric("weir_spans_dropped_total"), 50_000)
                self.assertEqual(worker.stop(), 0)
        print(f"  verdicts/s: {', '.join(f'{name} {rate:.0f}' for name, rate in rates.items())}")
        self.assertGreater(min(rates["slow"], rates["away"]), rates["off"] / 3, "a noisy machine is no excuse for less")


if __name__ == "__main__":
    main()
