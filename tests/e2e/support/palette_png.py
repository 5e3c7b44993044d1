"""PNG with a palette: a screenshot of flat colours at a third of the bytes. numpy only."""
import struct
import zlib
from pathlib import Path

import numpy


def read_rgb(path: Path) -> numpy.ndarray:
    """The pixels of an 8-bit RGB or RGBA PNG, as Chromium writes them, without alpha: rows x columns x 3."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colours in (2, 6) and not interlaced, f"{path}: not as Chromium writes it"
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    size = 3 if colours == 2 else 4
    rows = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(height, 1 + width * size)
    out = numpy.zeros((height, width * size), numpy.uint8)
    for index, row in enumerate(rows):
        out[index] = _unfilter(row[0], row[1:], out[index - 1] if index else numpy.zeros(width * size, numpy.uint8), size)
    return out.reshape(height, width, size)[:, :, :3]


def _unfilter(kind: int, line: numpy.ndarray, above: numpy.ndarray, size: int) -> numpy.ndarray:
    if kind == 0:
        return line
    if kind == 2:
        return line + above
    if kind == 1:
        return numpy.cumsum(line.reshape(-1, size), axis=0, dtype=numpy.uint8).reshape(-1)
    out = line.astype(int).tolist()
    up = above.astype(int).tolist()
    for i in range(len(out)):
        left = out[i - size] if i >= size else 0
        if kind == 3:
            out[i] = (out[i] + (left + up[i]) // 2) & 255
            continue
        corner = up[i - size] if i >= size else 0
        guess = left + up[i] - corner
        near = min((abs(guess - left), 0, left), (abs(guess - up[i]), 1, up[i]), (abs(guess - corner), 2, corner))[2]
        out[i] = (out[i] + near) & 255
    return numpy.array(out, numpy.uint8)


def write_palette(path: Path, pixels: numpy.ndarray, colours: int = 96) -> None:
    """The most frequent colours; every other pixel takes the nearest of them."""
    height, width, _ = pixels.shape
    found, inverse, counts = numpy.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    # Coarse cells first, so that a hundred shades of one grey do not take all places.
    weight = counts ** 0.6
    chosen: list[int] = []
    distance = numpy.full(len(found), 1e9)
    for _ in range(min(colours, len(found))):
        chosen.append(int(numpy.argmax(weight * numpy.minimum(distance, 4000))))
        distance = numpy.minimum(distance, ((found.astype(int) - found[chosen[-1]]) ** 2).sum(axis=1))
    palette = found[chosen]
    nearest = numpy.array([int(numpy.argmin(((palette.astype(int) - colour) ** 2).sum(axis=1))) for colour in found.astype(int)], numpy.uint8)
    index = nearest[inverse.reshape(-1)].reshape(height, width)
    body = zlib.compress(numpy.hstack([numpy.zeros((height, 1), numpy.uint8), index]).tobytes(), 9)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, chunk in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", palette.tobytes()), (b"IDAT", body), (b"IEND", b"")):
            file.write(struct.pack(">I", len(chunk)) + kind + chunk + struct.pack(">I", zlib.crc32(kind + chunk)))
