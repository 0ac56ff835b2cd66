#!/usr/bin/env python3
"""How fast a change to the folder is live, and what it costs the traffic beside it.

    benches/live.py routes [--present 10] [--times 200]     file rename to the first 200
    benches/live.py endpoints [--seconds 60] [--rate 50]    one endpoint comes and goes under load

Everything listens on loopback; every loop is bounded in time and count. `endpoints` needs wrk.
"""

import argparse
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from w1 import cpu_seconds, free_port, wait_for  # noqa: E402

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: bench}}
spec:
  gatewayClassName: headgate
  listeners: [{{name: http, port: {port}, protocol: HTTP}}]
---
apiVersion: v1
kind: Service
metadata: {{name: up}}
spec: {{ports: [{{name: http, port: 80}}]}}
"""
ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: bench}}]
  hostnames: ["{name}.example"]
  rules: [{{backendRefs: [{{name: up, port: 80}}]}}]
"""
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: up, labels: {{kubernetes.io/service-name: up}}}}
addressType: IPv4
endpoints: [{endpoints}]
ports: [{{name: http, port: {port}}}]
"""


def write(path, text):
    """In one step, as editors and ConfigMaps do; returns when it was done."""
    beside = path.with_name("." + path.name + ".new")
    beside.write_text(text)
    os.rename(beside, path)
    return time.monotonic()


def endpoints(addresses, port):
    return SLICE.format(endpoints=", ".join(f"{{addresses: [{a}]}}" for a in addresses), port=port)


class Client:
    """One keep-alive connection that asks for a host and reads the status."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def status(self, host):
        self.socket.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self.file.read(length)
        return status


class Stage:
    """A backend, the gateway and its folder."""

    def __init__(self, args, folder):
        self.ports = {name: free_port() for name in ("gateway", "backend", "admin")}
        self.folder = folder
        self.processes = []
        write(folder / "gateway.yaml", GATEWAY.format(port=self.ports["gateway"]))
        write(folder / "endpoints.yaml", endpoints(["127.0.0.1"], self.ports["backend"]))
        write(folder / "base.yaml", ROUTE.format(name="base"))
        for index in range(getattr(args, "present", 0)):
            write(folder / f"present-{index}.yaml", ROUTE.format(name=f"present-{index}"))
        self.start(args.headgate, "echo", "--listen", f"0.0.0.0:{self.ports['backend']}")
        self.gateway = self.start(
            args.headgate, "run", "--manifests", folder, "--access-log", "off", "--pre-drain", "0s",
            "--admin", f"127.0.0.1:{self.ports['admin']}")
        wait_for(self.ports["gateway"], self.gateway)

    def start(self, *command):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


def routes(args, stage):
    client = Client(stage.ports["gateway"])
    times, odd = [], []
    for index in range(args.times):
        name = f"new-{index}"
        assert client.status(f"{name}.example") == 404
        begun = write(stage.folder / f"{name}.yaml", ROUTE.format(name=name))
        while (status := client.status(f"{name}.example")) != 200:
            if status != 404:
                odd.append(status)
            if time.monotonic() - begun > 30:
                sys.exit(f"{name} is not live after 30 s")
        times.append((time.monotonic() - begun) * 1e3)
    times.sort()
    print(f"{args.present} routes present, {args.times} added: rename to first 200, ms: "
          f"p50 {statistics.median(times):.1f}, p99 {times[int(len(times) * 0.99) - 1]:.1f}, "
          f"most {times[-1]:.1f}; codes other than 404 and 200: {odd or 'none'}")


def wrk(stage, seconds):
    out = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-H", "Host: base.example",
         f"http://127.0.0.1:{stage.ports['gateway']}/"], check=True, capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", out).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    p99 = float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]
    failed = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", out))
    errors = re.search(r"Socket errors: .*", out)
    if errors:
        failed += sum(int(n) for n in re.findall(r"\d+", errors.group(0)))
    return requests, p99, failed


def flap(args, stage):
    wrk(stage, 2)
    before_cpu, before = cpu_seconds(stage.gateway.pid), wrk(stage, max(5, args.seconds // 4))
    quiet_cpu = (cpu_seconds(stage.gateway.pid) - before_cpu) / before[0]
    stop, changes = threading.Event(), [0]

    def change():
        begun = time.monotonic()
        while not stop.is_set() and changes[0] < args.seconds * args.rate:
            changes[0] += 1
            both = ["127.0.0.1", "127.0.0.2"][: 1 + changes[0] % 2]
            write(stage.folder / "endpoints.yaml", endpoints(both, stage.ports["backend"]))
            time.sleep(max(0, begun + changes[0] / args.rate - time.monotonic()))

    changer = threading.Thread(target=change)
    changer.start()
    cpu = cpu_seconds(stage.gateway.pid)
    during = wrk(stage, args.seconds)
    stop.set()
    changer.join()
    cpu = cpu_seconds(stage.gateway.pid) - cpu
    print(f"quiet:  {before[0]} requests, {before[2]} failed, p99 {before[1]:.2f} ms")
    print(f"during: {during[0]} requests, {during[2]} failed, p99 {during[1]:.2f} ms "
          f"({during[1] / before[1]:.2f} x), {changes[0]} endpoint changes")
    print(f"CPU of a change: {max(0, cpu - quiet_cpu * during[0]) / changes[0] * 1e6:.0f} µs beyond that of the requests")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["routes", "endpoints"])
    parser.add_argument("--present", type=int, default=10)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--headgate", default="target/release/headgate")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(args, pathlib.Path(folder))
        try:
            {"routes": routes, "endpoints": flap}[args.what](args, stage)
        finally:
            stage.stop()


if __name__ == "__main__":
    main()
