"""Headgate beside nginx, HAProxy and Envoy: `make bench`; benches/README.md says what each means.

Everything listens on loopback, every load is bounded in time, and every process is ended.
"""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import time

import change
import cores
import idle
import large
import traffic
import train
from report import Report
from stage import Stage

ALL = [f"W{number}" for number in range(1, 15)]


def arguments():
    parser = argparse.ArgumentParser(prog="side_by_side")
    parser.add_argument("--headgate", default="target/release/headgate")
    parser.add_argument("--workloads", default="all", help="such as W1,W4")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--times", type=int, default=100, help="how often W12 adds a route")
    parser.add_argument("--connections", type=int, default=10_000, help="of W9 to Headgate")
    parser.add_argument("--train", action="store_true", help="W1 to W8 and a start, Headgate alone")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go as well")
    args = parser.parse_args()
    args.headgate = shutil.which(args.headgate) or sys.exit(f"there is no {args.headgate}")
    args.headgate = os.path.abspath(args.headgate)
    args.names = ALL if args.workloads in ("", "all") else args.workloads.split(",")
    unknown = [name for name in args.names if name not in ALL]
    if unknown:
        sys.exit(f"no workload {', '.join(unknown)}; there are {', '.join(ALL)}")
    peers = () if args.train else ("haproxy",)
    for tool in ("nginx", "nghttpd", "wrk", "h2load", "openssl", "taskset", *peers):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: benches/tools.sh")
    if os.cpu_count() < 2:
        sys.exit("the proxies need a core for themselves: two at least")
    args.envoy = shutil.which("envoy")
    if not args.envoy and not args.train:
        print("without Envoy, which is not installed: benches/tools.sh")
    return args


def main():
    args = arguments()
    # So that whatever was started ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun, report = time.monotonic(), Report()
    with Stage(args.headgate) as stage:
        stage.upstream()
        if args.train:
            train.run(stage, args.seconds)
            return
        traffic.run(args.names, stage, args, report)
        parts = {"W1": cores.run, "W9": idle.run, "W10": large.run, "W11": change.churn,
                 "W12": change.routes, "W13": change.start, "W14": change.watcher}
        for name, part in parts.items():
            if name in args.names:
                part(stage, args, report)
    if args.json:
        report.save(args.json)
    print(f"\n{(time.monotonic() - begun) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
