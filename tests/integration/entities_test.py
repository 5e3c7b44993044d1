"""Features over merchants, live: what stage "entities" keeps and publishes, and what payments see of it.

Method: payments and labels flow through both stages on a real broker. The oracle is brute force in Python over the records of
topic `entities` as another client reads them (weir_testing/entities.py): for every payment the values and rows of its merchant that
the profile version in its record stands for, at the end the rows of every merchant.
"""
import json
import sys
from collections import Counter

from weir_testing import sample
from weir_testing.case import BrokerCase, main
from weir_testing.chaos import Chaos
from weir_testing.entities import Entity, dumped_rows, hash_id, read_entities, same_rows, without_repeats
from weir_testing.job import Job
from weir_testing.waiting import eventually
from weir_testing.worker import weir

SESSION = {"kafka.properties.session.timeout.ms": "6000", "kafka.properties.heartbeat.interval.ms": "500"}
FEATURES = [f"terminal_{what}_{window}" for what in ("count", "fraud_share") for window in ("1d", "7d", "30d")]
KILLS = 20


class Entities(BrokerCase):
    def check_what_entities_were_told(self, job: Job) -> dict[str, Entity]:
        """Every payment and every label once, and of each merchant what the bundled data holds."""
        told = read_entities(self.broker, job.topic["entities"])
        payments = Counter(f"m:{json.loads(line)['merchant_id']}" for line in sample.transactions())
        labels = Counter(f"m:{json.loads(line)['merchant_id']}" for line in sample.labels())
        if job.settings["delivery"] == "at_least_once":
            told = {key: without_repeats(entity) for key, entity in told.items()}
        self.assertEqual({key: len(entity.events) for key, entity in told.items()}, dict(payments))
        self.assertEqual(Counter({key: len(entity.labels) for key, entity in told.items()}), labels)
        return told

    def check_features(self, job: Job, told: dict[str, Entity]) -> Counter:
        """Each value and each row of its merchant that a payment saw is that of the profile version in its record, or of no
        events where there was none."""
        seen: Counter = Counter()
        wrong = []
        records = {json.loads(record.value)["transaction_id"]: json.loads(record.value) for record in job.read("features")}
        merchants = {(d := json.loads(line))["transaction_id"]: d["merchant_id"] for line in sample.transactions()}
        verdicts = {d["transaction_id"]: d for d in (json.loads(record.value) for record in job.read("verdicts"))}
        self.assertEqual(records.keys(), merchants.keys())
        for transaction, features in records.items():
            live = {name: features["windows"][name] for name in FEATURES}
            version = features.get("profiles", {}).get("merchant")
            self.assertEqual(verdicts[transaction].get("profiles", {}).get("merchant"), version, transaction)
            degraded = [cause for cause in verdicts[transaction]["degraded"] if cause.startswith("profile")]
            if version:
                seen["with a profile"] += 1
                entity = told[f"m:{merchants[transaction]}"]
                as_of_ms = _ms(version["as_of"])
                wanted = entity.values(as_of_ms, version["sequence"])
                rows = entity.merchant_rows(version["sequence"], hash_id(transaction))
                seen["rows of merchants"] += len(rows)
                if as_of_ms < entity.frontier_ms(version["sequence"]):
                    wrong.append((transaction, "as of before its own events"))
            elif degraded:
                seen["degraded"] += 1
                rows = []
                # Missing, and not zero: but where a default is declared, that.
                wanted = {name: 0 if "share" in name else None for name in FEATURES}
            else:
                seen["first of their merchant"] += 1
                wanted = {name: 0 for name in FEATURES}
                rows = []
            if not same_rows(features["merchant"], rows):
                wrong.append((transaction, "merchant", features["merchant"], rows))
            wrong += [(transaction, name, live[name], wanted[name]) for name in FEATURES if live[name] != wanted[name]]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {len(records) * len(FEATURES)} values differ")
        return seen

    def check_state(self, told: dict[str, Entity], *configs) -> None:
        """The rows of every merchant with their labels, from the stores of instances that have stopped."""
        found: dict = {}
        for config in configs:
            done = weir("state", "dump", "--entities", "--config", str(config))
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            found.update(dumped_rows(line) for line in done.stdout.decode().splitlines())
        self.assertEqual(found.keys(), told.keys())
        wrong = [key for key in told if found[key] != told[key].rows()]
        self.assertEqual(wrong, [], f"{len(wrong)} merchants differ; the first: {wrong and (found[wrong[0]], told[wrong[0]].rows())}")

    def test_what_a_payment_sees_of_its_merchant_is_what_its_profile_version_says(self):
        job = self.job(entities=True).create_input_topics()
        worker = job.worker("a").start_ready()
        feeder = job.feeder(sample.transactions(), 4_000, self.seed, sample.labels())
        feeder.finish()
        job.wait_entities_drained()
        fresh = worker.metric("weir_profile_staleness_seconds_sum") / worker.metric("weir_profile_staleness_seconds_count")
        self.assertEqual(worker.metric("weir_labels_total"), 30_930)
        self.assertEqual(worker.stop(), 0, worker.log_tail())

        told = self.check_what_entities_were_told(job)
        seen = self.check_features(job, told)
        print(f"  {dict(seen)}, mean staleness {fresh:.3f} s", file=sys.stderr)
        self.assertGreater(seen["with a profile"], 20_000)
        self.assertGreater(seen["rows of merchants"], 1_000)
        self.check_state(told, worker.config)
        profiles = Counter(record.key for record in job.read("entity_profiles"))
        self.assertEqual({key for key in profiles if key.startswith(b"m:")}, {key.encode() for key in told})

    def test_two_instances_and_twenty_kills_change_nothing(self):
        job = self.job(entities=True, settings=SESSION).create_input_topics()
        first, second = job.worker("a"), job.worker("b")
        first.start_ready()
        second.start_ready()
        feeder = job.feeder(sample.transactions(), 2_000, self.seed, sample.labels())
        chaos = Chaos(job, self.seed, feeder, KILLS)
        chaos.kill_and_restart(first, KILLS // 2)
        chaos.kill_and_restart(second, KILLS - KILLS // 2)
        feeder.finish()
        job.wait_entities_drained(120)
        for worker in (first, second):
            self.assertEqual(worker.stop(), 0, worker.log_tail())
        told = self.check_what_entities_were_told(job)
        seen = self.check_features(job, told)
        print(f"  {chaos.tally}; {dict(seen)}", file=sys.stderr)
        fresh = job.worker("fresh")
        fresh.start_ready()
        job.wait_entities_drained()
        self.assertEqual(fresh.stop(), 0, fresh.log_tail())
        self.check_state(told, fresh.config)

    def test_at_least_once_tells_entities_twice_and_they_count_once(self):
        job = self.job(delivery="at_least_once", entities=True, settings=SESSION).create_input_topics()
        worker = job.worker("a").start_ready()
        feeder = job.feeder(sample.transactions(), 6_000, self.seed, sample.labels())
        chaos = Chaos(job, self.seed, feeder, 5)
        chaos.kill_and_restart(worker, 5)
        feeder.finish()
        job.wait_entities_drained(120)
        self.assertEqual(worker.stop(), 0, worker.log_tail())
        self.check_state(self.check_what_entities_were_told(job), worker.config)

    def test_without_the_stage_every_payment_still_gets_its_verdict(self):
        job = self.job(entities=True).create_input_topics()
        worker = job.worker("a", **{"entities.workers": 0}).start_ready()
        job.publish(sample.transactions()[:500])
        job.wait_drained()
        verdicts = [json.loads(record.value) for record in job.read("verdicts")]
        self.assertEqual(len(verdicts), 500)
        self.assertEqual({tuple(v["degraded"]) for v in verdicts}, {("profile_down",)})
        self.assertEqual({v["windows"]["terminal_count_7d"] for v in map(json.loads, (r.value for r in job.read("features")))}, {None})
        self.assertEqual(worker.metric("weir_degraded_total", cause="profile_down"), 500)

    def test_a_stage_that_stops_makes_profiles_stale_and_no_verdict_late(self):
        settings = {"entities.max_staleness": "3s"}
        job = self.job(entities=True, settings=settings).create_input_topics()
        decisions = job.worker("a", **{"entities.workers": 0}).start_ready()
        stage = job.worker("b", workers=1).start_ready()
        eventually(lambda: stage.metric("weir_assigned_partitions", "entities") > 0, 60, "the stage has its partitions")
        half = 250
        job.publish(sample.transactions()[:half])
        job.wait_entities_drained()
        stage.kill()
        eventually(lambda: self._probe(job, half) == ["profile_stale"], 60, "profiles are stale", every=1.0)
        self.assertTrue(decisions.alive)

    def test_a_stage_that_cannot_work_stops_no_payment_and_comes_back_by_itself(self):
        job = self.job(entities=True).create_input_topics()
        in_the_way = job.state_dir("a") / "in-process-entities-0"  # where the stage's worker wants a file of its own
        in_the_way.mkdir(parents=True)
        worker = job.worker("a").start_ready()
        job.publish(sample.transactions()[:200])
        job.wait_drained()
        self.assertEqual(len(job.read("verdicts")), 200)
        eventually(lambda: "tried again in" in worker.log(), 60, "the stage says that it is tried again")
        self.assertTrue(worker.is_ready())
        in_the_way.rmdir()
        job.wait_entities_drained()
        told = read_entities(self.broker, job.topic["entities"])
        self.assertEqual(sum(len(entity.events) for entity in told.values()), 200)
        self.assertEqual(worker.stop(), 0, worker.log_tail())
        self.check_state(told, worker.config)

    def _probe(self, job: Job, start: int) -> list[str]:
        """What the newest verdict says of profiles, after one more payment."""
        self.sent = getattr(self, "sent", start)
        job.publish(sample.transactions()[self.sent:self.sent + 1])
        self.sent += 1
        job.wait_drained()
        newest = max((json.loads(r.value) for r in job.read("verdicts")), key=lambda v: v["event_time"])
        return newest["degraded"]


def _ms(text: str) -> int:
    from datetime import datetime
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


if __name__ == "__main__":
    main()
