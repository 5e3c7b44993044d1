"""Digits after the decimal point by ISO 4217 code: the few currencies that do not have two."""

from __future__ import annotations

_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND".split()
_FOUR_DIGITS = "CLF UYW".split()

_EXPONENTS = (
    dict.fromkeys(_NO_DIGITS, 0) | dict.fromkeys(_THREE_DIGITS, 3) | dict.fromkeys(_FOUR_DIGITS, 4)
)


def exponent_of(code: str) -> int:
    """2 unless ISO 4217 says otherwise; also for XXX and XTS, as in pipeline/core/money.h."""
    if len(code) != 3 or not code.isascii() or not code.isupper():
        raise ValueError(f"not a currency code: {code!r}")
    return _EXPONENTS.get(code, 2)
