#!/usr/bin/env python3
"""Runs a command several times and prints one line: median, fastest and slowest wall seconds, median CPU seconds and
largest peak of resident memory (VmHWM) in MB.

    timed.py [--runs N] [--remove PATH] COMMAND...

The line goes to standard output, what the command prints to standard error. PATH is removed before each run, outside
the time. Peaks are of the largest single process where the command starts others.
"""

import argparse
import os
import shutil
import statistics
import sys
import time


def remove(path):
    if path and os.path.isdir(path):
        shutil.rmtree(path)
    elif path and os.path.exists(path):
        os.remove(path)


def run(command):
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(f"{command[0]}: {error}", file=sys.stderr)
        os._exit(127)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    if status:
        sys.exit(f"failed with status {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
    return wall, usage.ru_utime + usage.ru_stime, peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--remove")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    results = []
    for _ in range(arguments.runs):
        remove(arguments.remove)
        results.append(run(arguments.command))
    wall, cpu, peak = zip(*results)
    print(f"{statistics.median(wall):.4f} {min(wall):.4f} {max(wall):.4f} {statistics.median(cpu):.3f} {max(peak):.1f}")


main()
