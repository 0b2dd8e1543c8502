#!/usr/bin/env python3
"""Writes the files of a folder of tiles again, as a plain loop would, and prints the seconds that took: the floor for
any program that writes such a folder.

    plain_copy.py FOLDER OUT

All bytes are read first, outside the time. The loop ends with a sync, as tilefire's writer does.
"""

import os
import sys
import time


def main(folder, out):
    files = []
    for path, _, names in sorted(os.walk(folder)):
        inside = os.path.relpath(path, folder)
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                files.append((inside, os.path.join(out, inside, name), file.read()))
    os.sync()
    start = time.monotonic()
    last = None
    for inside, path, data in files:
        if inside != last:
            os.makedirs(os.path.join(out, inside), exist_ok=True)
            last = inside
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(file, data)
        os.close(file)
    os.sync()
    print(f"{time.monotonic() - start:.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
