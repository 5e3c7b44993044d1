"""Tells a person how far a long step is: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from typing import Callable, TextIO

_LINE_EVERY_S = 5.0
_BAR_EVERY_S = 0.1
_BAR_WIDTH = 30


class Progress:
    """Talk goes to stderr: stdout is data. A context manager, so that a bar ends its line."""

    def __init__(
        self,
        title: str,
        total: int,
        stream: TextIO = sys.stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._total = total
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._started = self._told = clock()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_terminal:
            self._stream.write("\n")

    def at(self, done: int, note: str = "") -> None:
        """Says so if it is time to, and always at the end."""
        now = self._clock()
        pause = _BAR_EVERY_S if self._is_terminal else _LINE_EVERY_S
        if done < self._total and now - self._told < pause:
            return
        self._told = now
        self._stream.write(self._line(done, note, now - self._started))
        self._stream.flush()

    def _line(self, done: int, note: str, elapsed_s: float) -> str:
        share = done / self._total
        left_s = elapsed_s / share - elapsed_s if share > 0 else 0.0
        text = f"{share:4.0%}  {elapsed_s:.0f} s, {left_s:.0f} s left  {note}".rstrip()
        if not self._is_terminal:
            return f"{self._title} {text}\n"
        full = int(share * _BAR_WIDTH)
        bar = "#" * full + "." * (_BAR_WIDTH - full)
        return f"\r\x1b[K{self._title} [{bar}] {text}"
