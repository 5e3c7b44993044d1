"""Columns of a merchant row, in the order in which the engine knows and records them: one payment
of the current payment's merchant whose label is known.
"""

from __future__ import annotations

# name -> unit
MERCHANT_FEATURES: dict[str, str] = {
    "fraud": "1 fraud, 0 genuine",
    "log_amount": "ln(1 + amount in major units)",
    "log_ratio": "ln(amount / median of its user's 128 payments before), 0 where there is none",
    "same_user": "0 or 1",
    "log_age": "ln(1 + minutes from the row to the current payment)",
    "age": "days from the row to the current payment / 30",
    "log_known": "ln(1 + minutes from the label to the current payment)",
    "night": "0 or 1",
    "weekend": "0 or 1",
}
