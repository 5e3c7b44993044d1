"""Ids as the numbers the engine keeps in rows: operators/history.cc, once more.

For features that tell one category from another by its number; where two ids are only compared any
numbering would do. The hash comes from the library the engine is built with.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools


@functools.cache
def _xxh3():
    name = ctypes.util.find_library("xxhash") or "libxxhash.so.0"
    try:
        function = ctypes.CDLL(name).XXH3_64bits
    except (OSError, AttributeError) as error:
        raise ImportError(f"no libxxhash with XXH3: apt install libxxhash0 ({error})") from error
    function.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
    function.restype = ctypes.c_uint64
    return function


def hash_id(text: str, bits: int = 64) -> int:
    """The lower bits of the XXH3 hash, never 0 for a text that is not empty. Signed, as in numpy's
    int64: the bits are the engine's.
    """
    if not text:
        return 0
    data = text.encode()
    value = _xxh3()(data, len(data)) & ((1 << bits) - 1) or 1
    return value - (1 << 64) if value >= 1 << 63 else value


def hash_name(text: str) -> int:
    """Of a short name, such as a channel: 16 bits."""
    return hash_id(text, 16)


def pack_country(text: str) -> int:
    """Two letters, the first in the high byte."""
    if not text:
        return 0
    if len(text) != 2 or not text.isascii():
        raise ValueError(f"not a country: {text}")
    return ord(text[0]) << 8 | ord(text[1])
