#!/usr/bin/env python3
"""Makes assets/coastline.txt, the coastline that the page draws where no base map can be reached.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    scripts/coastline.py package/land-50m.json > assets/coastline.txt

The source is the land of Natural Earth 1:50m, which is in the public domain (naturalearthdata.com), as the npm package
world-atlas has it in TopoJSON. Lines are simplified (Douglas and Peucker), small islands left out. What is written is one
line of letters: for each coast the number of its points, then for each point the way from the one before, in steps of
1/50 degree; numbers as base 32 digits from the lowest, 32 added to all but the last, negative ones as 2 |n| - 1; digits as
in base64url.
"""
import json
import math
import sys

STEPS = 50
TOLERANCE = 0.1
SMALLEST = 0.45
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def simplified(points):
    """The points that are farther than TOLERANCE from the line through those that are kept; on the map's scale."""
    kept = {0, len(points) - 1}
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        (ax, ay), (bx, by) = points[first], points[last]
        stretch = math.cos(math.radians(max(-75, min(75, (ay + by) / 2))))
        far, at = 0, None
        dx, dy = (bx - ax) * stretch, by - ay
        length = math.hypot(dx, dy)
        for i in range(first + 1, last):
            px, py = (points[i][0] - ax) * stretch, points[i][1] - ay
            away = abs(px * dy - py * dx) / length if length > 0 else math.hypot(px, py)
            # Away from the poles less is left out: the map is larger there.
            away /= stretch
            if away > far:
                far, at = away, i
        if at is not None and far > TOLERANCE:
            kept.add(at)
            stack += [(first, at), (at, last)]
    return [points[i] for i in sorted(kept)]


def is_edge(a, b):
    """Where the source cuts the earth open, there is no coast."""
    return abs(a[0] - b[0]) > 180 or (abs(a[0]) > 179.99 and abs(b[0]) > 179.99) or (a[1] < -84 and b[1] < -84)


def coasts(topology):
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale[0] + shift[0], y * scale[1] + shift[1]))
        part = points[:1]
        for a, b in zip(points, points[1:]):
            if is_edge(a, b):
                yield part
                part = [b]
            else:
                part.append(b)
        yield part


def digits(number):
    number = 2 * number if number >= 0 else -2 * number - 1
    text = ""
    while True:
        digit, number = number & 31, number >> 5
        text += DIGITS[digit + 32 if number else digit]
        if not number:
            return text


def main():
    topology = json.load(open(sys.argv[1]))
    text, lines, count = "", 0, 0
    for coast in coasts(topology):
        width, height = (max(side) - min(side) for side in zip(*coast))
        if len(coast) < 2 or max(width, height) < SMALLEST:
            continue
        steps = []
        for x, y in simplified(coast):
            step = (round(x * STEPS), round(y * STEPS))
            if not steps or steps[-1] != step:
                steps.append(step)
        if len(steps) < 2:
            continue
        lines, count = lines + 1, count + len(steps)
        text += digits(len(steps))
        x = y = 0
        for nx, ny in steps:
            text += digits(nx - x) + digits(ny - y)
            x, y = nx, ny
    print(text)
    print(f"{lines} coasts, {count} points, {len(text)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
