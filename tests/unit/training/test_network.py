# The network: what is trained and what is served are one function, whatever the inputs' scale.

import os
import unittest
from dataclasses import replace

import numpy as np
import torch

from weir_training.network import (
    Shape,
    bounded,
    fit_scale,
    plain_network,
    served_network,
)

LIBRARY = os.environ.get("WEIR_OPS")  # set by ctest
SHAPE = Shape(
    ("log_amount", "night", "mcc_slot", "same_merchant"),
    ("fraud", "log_amount", "log_known"),
    merchant_rows=5,
    width=16,
    row_width=16,
    inner=16,
    merchant_heads=2,
    amount_hinges=6,
    flat_rows=3,
)


def inputs(seed: int, count: int = 7) -> tuple[torch.Tensor, ...]:
    random = np.random.default_rng(seed)
    rows = np.stack(
        [
            random.normal(4, 1.2, (count, 9)),
            random.integers(0, 2, (count, 9)),
            random.integers(0, 256, (count, 9)),
            random.integers(0, 2, (count, 9)),
        ],
        -1,
    )
    merchant = np.stack(
        [
            random.integers(0, 2, (count, 5)),
            random.normal(4, 1.2, (count, 5)),
            random.uniform(0, 9, (count, 5)),
        ],
        -1,
    )
    mask = random.integers(0, 2, (count, 8)).astype(float)
    merchant_mask = random.integers(0, 2, (count, 5)).astype(float)
    gap = np.sort(random.uniform(0, 9, (count, 8)))[:, ::-1] * mask
    arrays = (rows[:, 0], rows[:, 1:] * mask[..., None], gap, mask)
    arrays += (merchant * merchant_mask[..., None], merchant_mask)
    return tuple(torch.from_numpy(np.ascontiguousarray(a)).float() for a in arrays)


def made_network(shape: Shape = SHAPE):
    network = plain_network(shape, 3)
    current, _, _, _, merchant, mask = inputs(1, 500)
    fit_scale(network, shape, current.numpy(), merchant[mask > 0].numpy())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
        for hop in network.hops:
            hop.attend.slope.clamp_(min=0)
            hop.attend_merchant.slope.clamp_(min=0)
    return network


class NetworkTest(unittest.TestCase):
    def test_inputs_come_to_one_scale_and_zeros_and_ones_stay(self):
        network = made_network()
        scale = network.read_row.scale
        self.assertAlmostEqual(float(scale.middle[0]), 4, delta=0.2)
        self.assertEqual((float(scale.middle[1]), float(scale.factor[1])), (0.0, 1.0))
        self.assertEqual(network.scale_merchant.factor[0], 1)

    def test_hinges_start_at_quantiles_of_the_amount(self):
        network = plain_network(SHAPE, 3)
        current = inputs(1, 5_000)[0].numpy()
        fit_scale(network, SHAPE, current, None)
        bent = network.hinges(network.read_row(torch.from_numpy(current))[:, :1])
        active = (bent > 0).float().mean(0)
        np.testing.assert_allclose(active[:3], [0.98, 0.54, 0.1], atol=0.02)
        self.assertLess(active[-1], 0.002)

    def test_a_logit_far_out_keeps_its_order_and_its_precision(self):
        logits = torch.tensor([-30.0, -10.0, 0.5, 10.0, 20.0, 63.0])
        torch.testing.assert_close(
            bounded(logits), torch.tensor([-12.0, -10.0, 0.5, 10.0, 11.0, 15.3])
        )

    def test_a_category_outside_its_table_is_that_at_the_edge(self):
        network = made_network()
        parts = list(inputs(2))
        for outside, edge in ((-1e6, 0.0), (1e6, 255.0)):
            parts[0] = parts[0].clone()
            parts[0][:, 2] = outside
            one = network(*parts)
            parts[0][:, 2] = edge
            self.assertTrue(torch.equal(one, network(*parts)))

    def test_a_masked_merchant_row_changes_nothing(self):
        network = made_network()
        parts = list(inputs(3))
        before = network(*parts)
        parts[4] = torch.where(parts[5][..., None] > 0, parts[4], torch.tensor(-7.5))
        torch.testing.assert_close(network(*parts), before, atol=1e-6, rtol=0)

    def test_outputs_are_named(self):
        self.assertEqual(made_network()(*inputs(5)).shape, (7, len(SHAPE.outputs)))
        self.assertEqual(replace(SHAPE, embedding=0).outputs, ["fraud"])
        told = replace(SHAPE, kinds=("dispute", "tc40"))
        self.assertEqual(told.outputs, [*SHAPE.outputs, "kind_dispute", "kind_tc40"])
        self.assertEqual(made_network(told)(*inputs(5)).shape, (7, len(told.outputs)))


@unittest.skipUnless(LIBRARY, "WEIR_OPS does not name libweir_torch_ops.so")
class ServedTest(unittest.TestCase):
    def test_what_is_served_is_what_was_trained(self):
        torch.ops.load_library(LIBRARY)
        others = ({}, {"embedding": 0}, {"amount_hinges": 0}, {"kinds": ("dispute", "tc40")})
        for shape in (replace(SHAPE, **other) for other in others):
            trained = made_network(shape)
            served = torch.jit.script(served_network(shape, trained, 16))
            with torch.inference_mode():
                torch.testing.assert_close(
                    served(*inputs(6)), trained(*inputs(6)), atol=1e-5, rtol=0
                )

    def test_windows_of_any_length_have_the_same_bits(self):
        torch.ops.load_library(LIBRARY)
        rows = inputs(6)[1].size(1)
        ready = torch.jit.script(served_network(SHAPE, made_network(), rows))
        other = torch.jit.script(served_network(SHAPE, made_network(), rows + 1))
        with torch.inference_mode():
            self.assertTrue(torch.equal(ready(*inputs(6)), other(*inputs(6))))

    def test_a_row_does_not_depend_on_its_company(self):
        torch.ops.load_library(LIBRARY)
        served = torch.jit.script(served_network(SHAPE, made_network(), 16))
        parts = inputs(7, 40)
        with torch.inference_mode():
            together = served(*parts)
            for row in (0, 17, 39):
                alone = served(*(part[row : row + 1] for part in parts))
                self.assertTrue(torch.equal(alone[0], together[row]))


if __name__ == "__main__":
    unittest.main()
