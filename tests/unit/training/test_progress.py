# Progress: a bar on a terminal, lines elsewhere, neither more often than a person can read.

import io
import unittest

from weir_training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class ProgressTest(unittest.TestCase):
    def said(self, stream: io.StringIO, seconds_per_step: float, steps: int) -> str:
        clock = Clock()
        with Progress("train", steps, stream, clock) as progress:
            for step in range(steps):
                clock.now += seconds_per_step
                progress.at(step + 1, "loss 0.1")
        return stream.getvalue()

    def test_a_log_file_gets_a_line_every_five_seconds_and_the_end(self):
        lines = self.said(io.StringIO(), seconds_per_step=1.0, steps=12).splitlines()
        self.assertEqual([line.split()[1] for line in lines], ["42%", "83%", "100%"])
        self.assertEqual(lines[0], "train  42%  5 s, 7 s left  loss 0.1")

    def test_a_terminal_gets_one_line_that_is_drawn_again(self):
        text = self.said(Terminal(), seconds_per_step=1.0, steps=4)
        self.assertEqual(text.count("\r"), 4)
        self.assertEqual(text.count("\n"), 1)
        self.assertIn("[###############...............]  50%", text)

    def test_a_quick_step_says_only_that_it_is_done(self):
        self.assertEqual(len(self.said(io.StringIO(), 0.001, 50).splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
