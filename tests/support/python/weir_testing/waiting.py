"""Waiting for a condition, with a deadline."""
import time
from typing import Callable, TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float, what: str | Callable[[], str], every: float = 0.05) -> T:
    """The first true value of `condition`. AssertionError that names `what` (called then, if it is a function) when the deadline
    passes before."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(every)
