# Attention in the report: the weights are those that the operator used.

import unittest

import numpy as np
import torch

from test_fit import made_data
from weir_training import operators
from weir_training.attention import recorded, story, weights_of
from weir_training.examples import Examples
from weir_training.network import Shape, as_tensors, plain_network


class AttentionTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(3)
        self.examples = Examples(made_data(), ["log_amount", "same_merchant"], 4)
        self.network = plain_network(Shape(("log_amount", "same_merchant"), width=8, row_width=16, attention_heads=3, inner=8), 1)

    def test_weighted_sums_of_the_rows_are_what_the_operator_returns(self):
        query, rows = torch.randn(5, 3 * 16 + 3), torch.randn(5, 4, 16)
        gap, slope = torch.rand(5, 4) * 9, torch.rand(3)
        mask, table = (torch.rand(5, 4) > 0.3).float(), torch.randn(24, 3)
        weights = weights_of(query, rows, gap, mask, slope, table)
        out = operators.attend(query, rows, gap, mask, slope, table)
        torch.testing.assert_close(weights.matmul(rows).flatten(1), out[:, : 3 * 16])
        self.assertTrue((weights.sum(2) < 1).all())
        self.assertTrue((weights[(mask == 0)[:, None].expand_as(weights)] == 0).all())

    def test_every_hop_is_recorded_in_order_and_the_network_is_left_as_it_was(self):
        batch = as_tensors(self.examples.batch(np.array([399])))
        seen = recorded(self.network, batch)
        names = [name for name, _ in seen]
        self.assertEqual(names, ["hops.0.attend", "hops.1.attend", "behaviour.attend"])
        self.assertEqual(seen[0][1].shape, (1, 3, 4))
        self.assertTrue(all(not m._forward_hooks for m in self.network.modules()))

    def test_the_story_has_a_line_for_every_past_payment_and_a_column_for_every_head(self):
        told = story(self.network, self.examples, 399, 0.9, [])
        read = told["reads"][0]
        self.assertEqual(len(read["rows"]), len(self.examples.past_of(399)))
        self.assertEqual(read["heads"][3:6], ["hop 2.1", "hop 2.2", "hop 2.3"])
        self.assertEqual(read["heads"][6:], ["behaviour.1", "behaviour.2"])
        self.assertEqual(len(read["rows"][0]["weights"]), 8)


if __name__ == "__main__":
    unittest.main()
