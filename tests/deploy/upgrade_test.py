"""What deploy/upgrade.md calls tested: settings that may change with a restart, and a second pipeline beside the first."""
import collections
import json

from weir_testing import sample
from weir_testing.case import BrokerCase, main

PART = 1_000


class Upgrade(BrokerCase):
    def test_delivery_and_model_change_with_a_restart_on_the_same_state(self):
        """There and back: no payment without its verdict, none twice, no store rebuilt; each verdict names its model."""
        job = self.job().create_input_topics()
        models = []
        for number, (delivery, model) in enumerate((("exactly_once", True), ("at_least_once", True), ("exactly_once", False), ("exactly_once", True))):
            settings = {"delivery": delivery} | ({} if model else {"model.package": ""})
            worker = job.worker("a", **settings).start_ready()
            job.publish(sample.transactions()[number * PART:(number + 1) * PART])
            job.wait_drained()
            self.assertEqual(worker.metric("weir_store_rebuilds_total"), 0)
            # It went on where the one before it stopped: the whole history is there, from the store, not from the changelog.
            self.assertLess(worker.metric("weir_restore_records_total"), PART)
            self.assertEqual(worker.stop(), 0)
            models.append("handbook-attend" if model else None)
        verdicts = [json.loads(record.value) for record in job.read("verdicts")]
        self.assertEqual(len(verdicts), 4 * PART)
        self.assertEqual(max(collections.Counter(v["transaction_id"] for v in verdicts).values()), 1)
        by_part = {json.loads(line)["transaction_id"]: number // PART for number, line in enumerate(sample.transactions()[:4 * PART])}
        for verdict in verdicts:
            model = verdict["model"]["name"] if verdict["model"] else None
            self.assertEqual(model, models[by_part[verdict["transaction_id"]]])

    def test_a_second_pipeline_by_another_group_decides_the_same(self):
        blue = self.job("blue").create_input_topics()
        blue.worker("b").start_ready()
        blue.publish(sample.transactions()[:2 * PART])
        blue.wait_drained()

        green = self.job("green")
        green.topic |= {stream: blue.topic[stream] for stream in ("transactions", "labels")}
        green.worker("g").start_ready()
        blue.publish(sample.transactions()[2 * PART:3 * PART])  # payments go on meanwhile
        blue.wait_drained()
        green.wait_drained()
        ours, theirs = (sorted(record.value for record in job.read("verdicts")) for job in (blue, green))
        self.assertEqual(len(ours), 3 * PART)
        self.assertEqual(ours, theirs)


if __name__ == "__main__":
    main()
