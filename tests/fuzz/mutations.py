"""Random changes of valid bytes, for a machine without a coverage-guided fuzzer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

PIECES = (
    b"\x00", b"\xff" * 8, b"\x7f\xff\xff\xff", b"[", b"{", b'"', b"=", b".", b",", b"\n", b":",
    b"1e999", b"nan", b"-1", b"9" * 30, b"null", b"\xed\xa0\x80", b"\xe2\x80\xae",
)  # fmt: skip


def mutations(seeds: list[bytes], count: int, seed: int = 0) -> Iterator[bytes]:
    """So many changed seeds; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        data = bytearray(seeds[rng.integers(len(seeds))])
        for _ in range(int(rng.geometric(0.4))):
            _change(data, seeds, rng)
        yield bytes(data)


def _change(data: bytearray, seeds: list[bytes], rng: np.random.Generator) -> None:
    place = int(rng.integers(len(data) + 1))
    stop = place + int(rng.geometric(0.1))
    match rng.integers(6):
        case 0 if place < len(data):
            data[place] ^= 1 << int(rng.integers(8))
        case 1 if place < len(data):
            data[place] = int(rng.integers(256))
        case 2:
            del data[place:stop]
        case 3:
            data[place:place] = data[place:stop] * int(rng.integers(1, 4))
        case 4:
            data[place:stop] = PIECES[rng.integers(len(PIECES))]
        case _:
            other = seeds[rng.integers(len(seeds))]
            start = int(rng.integers(len(other)))
            data[place:place] = other[start : start + int(rng.geometric(0.02))]
