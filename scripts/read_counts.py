#!/usr/bin/env python3
"""Reads a file of counts as docs/counts-format.md describes it, on its own.

    read_counts.py FILE                     what it is, as JSON
    read_counts.py FILE PLANE ZOOM          every lit pixel of a zoom: x, y (from the north-west of the world), count[, sum]

Frames are unpacked with Python's own zstd (3.14), the module zstandard, or the program zstd, whichever is there.
"""
import json
import struct
import subprocess
import sys

try:
    from compression.zstd import decompress
except ImportError:
    try:
        import zstandard
        decompress = zstandard.ZstdDecompressor().decompress
    except ImportError:
        def decompress(frame):
            return subprocess.run(["zstd", "-dqc"], input=frame, stdout=subprocess.PIPE, check=True).stdout


def number(data, at):
    """LEB128: seven bits a byte, the lowest first."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def even_bits(code):
    return sum(((code >> (2 * bit)) & 1) << bit for bit in range(32))


def block(data, at, sums):
    """The lit pixels of a tile: Morton code of the pixel, count, sum."""
    lit, at = number(data, at)
    pixel = -1
    for _ in range(lit):
        byte, at = data[at], at + 1
        gap, count = byte // 15, byte % 15
        if byte == 240:
            gap, at = number(data, at)
            count, at = number(data, at)
        pixel, total = pixel + gap + 1, 0
        if sums:
            size = data[at]
            zigzag = int.from_bytes(data[at + 1:at + 1 + size], "little")
            total, at = (zigzag >> 1) ^ -(zigzag & 1), at + 1 + size
        yield pixel, count + 1, total


def tiles(file, root, plane, zoom):
    """The tiles of a zoom that is kept: Morton code and lit pixels."""
    section = next(s for s in root["sections"] if (s["plane"], s["zoom"]) == (plane, zoom))
    chunk, page = section["at"], section["at"] + sum(p["bytes"] for p in section["pages"])
    for about in section["pages"]:
        lengths, at = decompress(file[page:page + about["page"]]), 0
        page += about["page"]
        for _ in range(about["chunks"]):
            _, at = number(lengths, at)
            length, at = number(lengths, at)
            data, place, code = decompress(file[chunk:chunk + length]), 0, 0
            chunk += length
            while place < len(data):
                step, place = number(data, place)
                size, place = number(data, place)
                code += step
                yield code, list(block(data, place, "weight" in root))
                place += size


def main():
    file = open(sys.argv[1], "rb").read()
    at, size = struct.unpack("<QI", file[-32:-20])
    assert file[:8] == file[-8:] == b"TFCOUNTS", "no file of counts"
    root = json.loads(decompress(file[at:at + size]))
    if len(sys.argv) < 4:
        at, size, _ = root["details"]
        print(json.dumps({**root, **json.loads(decompress(file[at:at + size]))}))
        return
    for code, lit in tiles(file, root, int(sys.argv[2]), int(sys.argv[3])):
        for pixel, count, total in lit:
            whole = code << 16 | pixel
            print(even_bits(whole), even_bits(whole >> 1), count, *([total] if "weight" in root else []))


main()
