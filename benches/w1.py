#!/usr/bin/env python3
"""W1: CPU per proxied request, HTTP/1.1 keep-alive, 1 KiB body, one worker, beside nginx.

Both proxies get the same core, the same upstream and the same load, in turn, several rounds. CPU is
the kernel's own accounting of the proxy's processes, divided by the requests that were answered.
Everything listens on loopback; every round is bounded in time.

    benches/w1.py [--rounds 5] [--seconds 8] [--connections 32] [--headgate target/release/headgate]

Needs nginx and wrk (apt-get install nginx-light wrk).
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

UPSTREAM = """
worker_processes 1; daemon off; pid {dir}/upstream.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{body}"; }} }} }}
"""
NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log {dir}/nginx.log combined buffer=64k flush=1s; keepalive_requests 1000000000;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host; }} }} }}
"""
MANIFESTS = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: bench}}
spec:
  gatewayClassName: headgate
  listeners: [{{name: http, port: {port}, protocol: HTTP}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: bench}}
spec:
  parentRefs: [{{name: bench}}]
  rules: [{{backendRefs: [{{name: up, port: 80}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: up}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: up, labels: {{kubernetes.io/service-name: up}}}}
addressType: IPv4
endpoints: [{{addresses: [127.0.0.1]}}]
ports: [{{name: http, port: {upstream}}}]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def processes(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [p for child in children for p in processes(int(child))]


def cpu_seconds(pid):
    total = 0
    for p in processes(pid):
        fields = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def rss_mib(pid):
    pages = sum(int(pathlib.Path(f"/proc/{p}/statm").read_text().split()[1]) for p in processes(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def load(port, args):
    out = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{args.connections}", f"-d{args.seconds}s", "--latency",
         f"http://127.0.0.1:{port}/"], check=True, capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
    p99 = re.search(r"99%\s+(\S+)", out).group(1)
    return requests, p99, bad and bad.group(0)


def measure(process, port, args):
    load(port, argparse.Namespace(**{**vars(args), "seconds": 1}))
    before = cpu_seconds(process.pid)
    requests, p99, bad = load(port, args)
    spent = cpu_seconds(process.pid) - before
    if bad:
        sys.exit(f"not all requests were answered well: {bad}")
    return spent / requests * 1e6, requests / args.seconds, p99


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--headgate", default="target/release/headgate")
    args = parser.parse_args()
    for tool in ("nginx", "wrk", "taskset"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: apt-get install nginx-light wrk util-linux")
    started = []
    with tempfile.TemporaryDirectory() as folder:
        ports = {name: free_port() for name in ("upstream", "nginx", "headgate", "admin")}
        folder = pathlib.Path(folder)
        (folder / "upstream.conf").write_text(
            UPSTREAM.format(dir=folder, port=ports["upstream"], body="x" * 1024))
        (folder / "nginx.conf").write_text(
            NGINX.format(dir=folder, port=ports["nginx"], upstream=ports["upstream"]))
        (folder / "manifests").mkdir()
        (folder / "manifests" / "all.yaml").write_text(
            MANIFESTS.format(port=ports["headgate"], upstream=ports["upstream"]))

        def start(cpu, *command, **more):
            process = subprocess.Popen(["taskset", "-c", cpu, *command], **more)
            started.append(process)
            return process

        try:
            upstream = start("1", "nginx", "-c", folder / "upstream.conf")
            wait_for(ports["upstream"], upstream)
            nginx = start("0", "nginx", "-c", folder / "nginx.conf")
            wait_for(ports["nginx"], nginx)
            log = open(folder / "headgate.log", "wb")
            headgate = start("0", args.headgate, "run", "--manifests", folder / "manifests", "--workers", "1",
                             "--admin", f"127.0.0.1:{ports['admin']}", stdout=log)
            wait_for(ports["headgate"], headgate)
            rows = {"nginx": [], "headgate": []}
            for _ in range(args.rounds):
                rows["nginx"].append(measure(nginx, ports["nginx"], args))
                rows["headgate"].append(measure(headgate, ports["headgate"], args))
            print(f"{'':10}{'µs CPU/request':>16}{'requests/s':>12}{'p99':>10}{'RSS MiB':>9}")
            for name, process in (("nginx", nginx), ("headgate", headgate)):
                middle = sorted(rows[name])[len(rows[name]) // 2]
                print(f"{name:10}{middle[0]:16.1f}{middle[1]:12.0f}{middle[2]:>10}{rss_mib(process.pid):9.1f}")
            ratios = [h[0] / n[0] for n, h in zip(rows["nginx"], rows["headgate"])]
            print(f"headgate / nginx: {statistics.median(ratios):.2f} (rounds {min(ratios):.2f} to {max(ratios):.2f})")
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
            for process in started:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


if __name__ == "__main__":
    main()
