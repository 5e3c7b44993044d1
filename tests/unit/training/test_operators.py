# Operators and network: plain torch against a float64 loop, and against the C++ operators of the
# same network. The C++ side is tested bit for bit in tests/unit/models; here it is only that both
# forms are one function.

import math
import os
import unittest
from pathlib import Path

import numpy as np
import torch

from weir_training import operators
from weir_training.examples import Batch
from weir_training.golden import CaseMaker, golden_cases
from weir_training.package_parts import Inputs
from weir_training.network import Shape, as_tensors, plain_network, served_network

FEATURES = ["log_amount", "hour_sin", "hour_cos", "same_merchant"]
LIBRARY = os.environ.get("WEIR_OPS")  # set by ctest
needs_library = unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")


def attend_by_hand(query, rows, log_gap, mask, slope, gap_table) -> np.ndarray:
    """The definition of models/README.md for one payment, in float64."""
    heads, width = len(slope), rows.shape[1]
    sums, gaps = np.zeros((heads, width)), np.zeros(heads)
    for h in range(heads):
        weights, total = [], math.exp(query[heads * width + h])
        for w in range(len(rows)):
            bucket = min(max(int(log_gap[w] * 2), 0), 23)
            logit = query[h * width : (h + 1) * width] @ rows[w] / math.sqrt(width)
            logit += gap_table[bucket, h] - slope[h] * log_gap[w]
            weights.append(math.exp(logit) if mask[w] else 0.0)
            total += weights[-1]
        for w, weight in enumerate(weights):
            sums[h] += weight / total * rows[w]
            gaps[h] += weight / total * log_gap[w]
    return np.concatenate([sums.ravel(), gaps])


def random_attend(seed: int, batch: int = 5, slots: int = 16):
    torch.manual_seed(seed)
    mask = (torch.rand(batch, slots) < 0.7).float()
    mask[0] = 0.0
    return (
        torch.randn(batch, 4 * 33),
        torch.randn(batch, slots, 32),
        torch.rand(batch, slots) * 14,
        mask,
        torch.rand(4),
        torch.randn(24, 4),
    )


def trained_looking_network():
    """Random weights in every parameter: at the start gap tables and biases are zero and would hide
    an error.
    """
    network = plain_network(Shape(tuple(FEATURES)), seed=5)
    with torch.no_grad():
        for hop in network.hops:
            hop.attend.gap_table.uniform_(-1, 1)
            hop.ask.bias.uniform_(-1, 1)
    return network


class PlainOperatorsTest(unittest.TestCase):
    def test_attend_is_the_definition(self):
        for seed in range(5):
            inputs = random_attend(seed)
            query, rows, log_gap, mask, slope, gap_table = (t.double().numpy() for t in inputs)
            actual = operators.attend(*inputs).numpy()
            for b in range(len(query)):
                expected = attend_by_hand(query[b], rows[b], log_gap[b], mask[b], slope, gap_table)
                np.testing.assert_allclose(actual[b], expected, atol=1e-5, err_msg=f"seed {seed}")

    def test_attend_to_nothing_is_zero(self):
        self.assertFalse(operators.attend(*random_attend(1))[0].any())

    def test_a_masked_row_has_no_influence_and_gets_no_gradient(self):
        query, rows, log_gap, mask, slope, gap_table = random_attend(2)
        rows.requires_grad_(True)
        before = operators.attend(query, rows, log_gap, mask, slope, gap_table)
        before.sum().backward()
        self.assertFalse(rows.grad[mask == 0].any())
        self.assertTrue(rows.grad[mask == 1].any())
        other = torch.where(mask.unsqueeze(2) == 0, torch.full_like(rows, 9.0), rows)
        torch.testing.assert_close(
            operators.attend(query, other, log_gap, mask, slope, gap_table), before
        )

    def test_gap_buckets_change_at_half_steps_and_stop_at_the_last(self):
        table = torch.arange(24.0).unsqueeze(1) - 12  # the bias itself says which bucket was taken
        for gap, bucket in ((0.0, 0), (0.4999, 0), (0.5, 1), (11.4999, 22), (11.5, 23), (40.0, 23)):
            query, row = torch.zeros(1, 17), torch.ones(1, 1, 16)
            out = operators.attend(
                query, row, torch.tensor([[gap]]), torch.ones(1, 1), torch.zeros(1), table
            )
            expected = 1 / (1 + math.exp(-(bucket - 12)))
            self.assertAlmostEqual(float(out[0, 0]), expected, places=5, msg=f"gap {gap}")

    def test_linear_is_input_major(self):
        x, weight, bias = (
            torch.tensor([[1.0, 2.0]]),
            torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]),
            torch.ones(3),
        )
        torch.testing.assert_close(
            operators.linear(x, weight, bias, False), torch.tensor([[2.0, 3.0, 4.0]])
        )
        torch.testing.assert_close(
            operators.linear(-x, weight, bias, True), torch.tensor([[0.0, 0.0, 0.0]])
        )

    def test_a_missing_library_says_how_to_get_it(self):
        with self.assertRaisesRegex(operators.OperatorsMissing, "build the target weir_torch_ops"):
            operators.load_operators(Path("/nowhere/lib.so"))


class NetworkTest(unittest.TestCase):
    def test_the_same_seed_gives_the_same_weights_and_another_seed_others(self):
        one, again, other = (
            plain_network(Shape(("log_amount", "night")), seed).state_dict() for seed in (1, 1, 2)
        )
        self.assertTrue(all(torch.equal(one[name], again[name]) for name in one))
        self.assertFalse(torch.equal(one["token_in.weight"], other["token_in.weight"]))

    def test_history_matters_only_where_the_mask_says_it_is_there(self):
        network, make = trained_looking_network(), CaseMaker(FEATURES).case
        case = make(8)
        logit = network(*as_tensors(case))
        behind = Batch(case.current, case.history.copy(), case.log_gap, case.mask)
        behind.history[0, 8:] = 5.0
        torch.testing.assert_close(network(*as_tensors(behind)), logit)
        behind.history[0, 7] = 5.0
        self.assertFalse((network(*as_tensors(behind)) == logit).any())

    def test_every_parameter_learns(self):
        network = trained_looking_network()
        make = CaseMaker(FEATURES).case
        cases = [make(16) for _ in range(64)]
        batch = Batch(
            *(
                np.concatenate([getattr(case, name) for case in cases])
                for name in ("current", "history", "log_gap", "mask")
            )
        )
        network(*as_tensors(batch)).sum().backward()
        still = [
            name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()
        ]
        self.assertEqual(still, [])


@needs_library
class ServedOperatorsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        operators.load_operators(Path(LIBRARY))

    def test_attend_agrees_with_plain_torch(self):
        for slots in (1, 7, 16, 64, 128):
            inputs = random_attend(slots, slots=slots)
            torch.testing.assert_close(
                torch.ops.weir.attend(*inputs), operators.attend(*inputs), atol=1e-5, rtol=1e-5
            )

    def test_linear_agrees_with_plain_torch(self):
        torch.manual_seed(3)
        for outputs in (1, 31, 64, 132):
            x, weight, bias = torch.randn(9, 16, 24), torch.randn(24, outputs), torch.randn(outputs)
            for relu in (False, True):
                torch.testing.assert_close(
                    torch.ops.weir.linear(x, weight, bias, relu),
                    operators.linear(x, weight, bias, relu),
                    atol=1e-5,
                    rtol=1e-5,
                )

    def test_the_served_network_is_the_trained_one(self):
        plain = trained_looking_network()
        served = served_network(Shape(tuple(FEATURES)), plain, 16)
        for number, case in enumerate(golden_cases(Inputs(FEATURES, 16))):
            with torch.inference_mode():
                torch.testing.assert_close(
                    served(*as_tensors(case)),
                    plain(*as_tensors(case)),
                    atol=1e-5,
                    rtol=1e-5,
                    msg=str(number),
                )


if __name__ == "__main__":
    unittest.main()
