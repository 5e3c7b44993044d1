# Fitting: the same weights after a kill, an average that is one, shares of a batch in processes.

import os
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from made_payments import payments
from weir_training import fit as fitting
from weir_training.examples import Examples, MerchantRows
from weir_training.fit import (
    FitSettings,
    draw_all,
    draw_labelled,
    fit,
    fraud_loss,
    kind_loss,
    next_loss,
    sum_of,
)
from weir_training.network import Shape, plain_network

FEATURES = ["log_amount", "same_merchant"]


def made_data(count: int = 400):
    random = np.random.default_rng(5)
    amount = random.integers(100, 10_000, count)
    return payments(
        list(random.integers(0, 20, count)),
        list(np.sort(random.integers(0, 100_000, count))),
        is_fraud=list((amount > 8_000).astype(int)),
        amount_minor=amount,
        merchant=random.integers(1, 4, count),
    )


def weights_after(settings: FitSettings, checkpoint: Path | None = None, **more) -> dict:
    examples = Examples(made_data(), FEATURES, 4)
    index = np.arange(400)
    network = plain_network(Shape(tuple(FEATURES), width=8, row_width=16, inner=8, embedding=2), 1)
    draw = draw_labelled(examples, index, settings)
    fit(network, examples, draw, fraud_loss(examples), settings, checkpoint=checkpoint, **more)
    return network.state_dict()


class FitTest(unittest.TestCase):
    settings = FitSettings(epochs=3, batch=64, easy_share=0.5, average=0.9)

    def setUp(self):
        torch.set_num_threads(1)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.checkpoint = Path(directory.name) / "checkpoint"

    def same(self, one: dict, two: dict) -> bool:
        return all(torch.equal(one[name], two[name]) for name in one)

    def test_a_run_that_was_killed_goes_on_to_the_same_weights(self):
        whole = weights_after(self.settings)
        kept = fitting._State.keep

        def killed_after_two(state, path, epochs_done):
            kept(state, path, epochs_done)
            if epochs_done == 2:
                raise KeyboardInterrupt

        fitting._State.keep = killed_after_two
        try:
            with self.assertRaises(KeyboardInterrupt):
                weights_after(self.settings, self.checkpoint)
        finally:
            fitting._State.keep = kept
        self.assertTrue(self.same(weights_after(self.settings, self.checkpoint), whole))

    def test_another_seed_gives_other_weights(self):
        one = weights_after(self.settings)
        two = weights_after(FitSettings(seed=8, epochs=3, batch=64, easy_share=0.5, average=0.9))
        self.assertFalse(self.same(one, two))

    def test_it_learns_what_is_in_the_data(self):
        examples = Examples(made_data(), FEATURES, 4)
        network = plain_network(Shape(tuple(FEATURES), width=8, row_width=16, inner=8), 1)
        settings = FitSettings(epochs=30, batch=64, learning_rate=0.02, weight_decay=0.0)
        index = np.arange(400)
        fit(network, examples, draw_labelled(examples, index, settings), fraud_loss(examples), settings)
        logit = fitting.score(network, examples, index, "score")[:, 0]
        label = examples.labels(index)
        self.assertGreater(logit[label > 0].mean(), logit[label == 0].mean() + 3)

    def test_slopes_stay_positive(self):
        state = weights_after(FitSettings(epochs=3, batch=64, learning_rate=0.1))
        slopes = [value for name, value in state.items() if name.endswith(".slope")]
        self.assertEqual(len(slopes), 3)  # two hops, and the branch of behaviour
        self.assertTrue(all((slope >= 0).all() for slope in slopes))


class DrawTest(unittest.TestCase):
    def test_a_share_of_plain_payments_stands_for_all_of_them(self):
        examples = Examples(made_data(), FEATURES, 4)
        index = np.arange(400)
        settings = FitSettings(easy_share=0.25)
        chosen, weight = draw_labelled(examples, index, settings)(np.random.default_rng(1))
        label = examples.labels(chosen)
        self.assertEqual(label.sum(), examples.labels(index).sum())  # every fraud
        self.assertEqual(len(np.unique(chosen)), len(chosen))
        self.assertLess(len(chosen), 200)
        self.assertAlmostEqual(
            weight[label == 0].sum(), 0.15 * (examples.labels(index) == 0).sum(), delta=1
        )

    def test_payments_at_a_merchant_with_a_known_fraud_are_never_plain(self):
        rows = np.zeros((400, 2, 9), np.float32)
        mask = np.zeros((400, 2), np.float32)
        rows[7, 1, 0] = mask[7, 1] = 1
        rows[8, 1, 0] = 1  # not there: its mask is 0
        alike = payments([1] * 400, list(range(400)))  # nothing else is notable about these
        examples = Examples(alike, FEATURES, 4, MerchantRows(rows, mask, 2, range(9)))
        notable = examples.is_notable(np.arange(400), 1.0)
        self.assertEqual(np.flatnonzero(notable).tolist(), [7])


    def test_an_amount_far_above_the_users_usual_one_is_never_plain(self):
        amount = [100] * 10 + [271, 272] + [100] * 8
        examples = Examples(payments([1] * 20, list(range(20)), amount_minor=amount), FEATURES, 4)
        notable = examples.is_notable(np.arange(20), 1.0)
        self.assertEqual(np.flatnonzero(notable).tolist(), [11])  # e times the median is 271.8


class KindTest(unittest.TestCase):
    """Frauds of two kinds, told apart by the amount: code 2 above 80, 1 below 15."""

    settings = FitSettings(epochs=30, batch=64, learning_rate=0.02, weight_decay=0.0)
    index = np.arange(400)

    def setUp(self):
        torch.set_num_threads(1)
        data = made_data()
        amount = data.rows.amount_minor
        kind = np.where(amount > 8_000, 2, np.where(amount < 1_500, 1, 0))
        data = replace(data, is_fraud=kind > 0, kind=kind, kind_names=("tc40", "dispute"))
        self.examples = Examples(data, FEATURES, 4)
        self.shape = Shape(tuple(FEATURES), width=8, row_width=16, inner=8, embedding=2)

    def outputs(self, kinds: tuple[str, ...], weight: float) -> np.ndarray:
        network = plain_network(replace(self.shape, kinds=kinds), 1)
        loss = sum_of(fraud_loss(self.examples), next_loss(self.examples, 1 << 62, slice(1, 3)), 0.1)
        if kinds:
            of_kinds = kind_loss(self.examples.payments.kind, [2, 1], slice(-2, None))
            loss = sum_of(loss, of_kinds, weight)
        draw = draw_labelled(self.examples, self.index, self.settings)
        fit(network, self.examples, draw, loss, self.settings)
        return fitting.score(network, self.examples, self.index, "score")

    def test_a_network_learns_the_kinds_that_are_in_the_data(self):
        outputs = self.outputs(("dispute", "tc40"), 1.0)
        kind = self.examples.payments.kind
        frauds = kind > 0
        named = np.array([2, 1])[outputs[frauds][:, -2:].argmax(axis=1)]
        self.assertGreater((named == kind[frauds]).mean(), 0.95)

    def test_kinds_change_no_bit_of_all_that_is_learned_beside_them(self):
        without = self.outputs((), 0.0)
        np.testing.assert_array_equal(self.outputs(("dispute", "tc40"), 50.0)[:, :-2], without)

    def test_a_payment_without_a_kind_teaches_nothing(self):
        loss = kind_loss(np.array([0, 3, 1, 2]), [2, 1], slice(1, 3))
        outputs = torch.tensor([[0.0, 5.0, -5.0]] * 2)
        genuine_and_rare = loss(outputs, np.array([0, 1]), torch.ones(2))
        self.assertEqual(genuine_and_rare.item(), 0.0)
        wrong_and_right = loss(outputs, np.array([2, 3]), torch.ones(2))
        self.assertAlmostEqual(wrong_and_right.item(), 5.0, places=3)  # 10 and 0, over two payments


class NextPaymentTest(unittest.TestCase):
    def test_the_target_is_the_same_users_next_payment_while_it_is_known(self):
        data = payments([1, 2, 1, 1], [0, 60, 120, 240], amount_minor=[100, 200, 300, 400])
        examples = Examples(data, ["log_amount"], 2)
        until = int(data.rows.event_time_ms[3])
        target, known = examples.next_payment(until)
        self.assertEqual(known.tolist(), [1, 0, 0, 0])  # the last one is not yet there
        np.testing.assert_allclose(target[0], [np.log1p(3), np.log1p(2)], rtol=1e-6)

    def test_a_network_learns_it_from_payments_without_labels(self):
        examples = Examples(made_data(), FEATURES, 4)
        network = plain_network(Shape(tuple(FEATURES), width=8, row_width=16, inner=8, embedding=2), 1)
        loss = next_loss(examples, 1 << 62, slice(1, 3))
        settings = FitSettings(epochs=8, batch=64, weight_decay=0.0, learning_rate=0.01)
        index = np.arange(400)

        def now() -> float:
            outputs = torch.from_numpy(fitting.score(network, examples, index, "score"))
            return loss(outputs, index, torch.ones(400)).item()

        before = now()
        fit(network, examples, draw_all(index), loss, settings, "pretrain")
        self.assertLess(now(), before / 2)


TOGETHER = """
import sys, torch
sys.path[:0] = sys.argv[2:]
torch.set_num_threads(1)
from test_fit import weights_after
from weir_training.fit import FitSettings
from weir_training.world import world_of_environment
world = world_of_environment()
weights = weights_after(FitSettings(epochs=2, batch=64), world=world)
torch.save(weights, f"{sys.argv[1]}/{world.rank}.pt")
"""


class TogetherTest(unittest.TestCase):
    def test_two_processes_of_torchrun_make_the_steps_that_one_makes(self):
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            (home / "together.py").write_text(TOGETHER)
            here = Path(__file__).parent
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"),
                    # Debian's torchrun under Python 3.11 fails on the value "none" of these two.
                    *("--redirects", "1", "--tee", "1", "--log_dir", home / "logs"),
                    *("--standalone", home / "together.py", home, here),
                    *os.environ["PYTHONPATH"].split(":"),
                ],
                capture_output=True,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            one, two = (torch.load(home / f"{rank}.pt") for rank in range(2))
        alone = weights_after(FitSettings(epochs=2, batch=64))
        for name, value in alone.items():
            self.assertTrue(torch.equal(one[name], two[name]), name)
            torch.testing.assert_close(one[name], value, atol=2e-3, rtol=0, msg=name)


if __name__ == "__main__":
    unittest.main()
