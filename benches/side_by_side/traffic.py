"""W1 to W8: what a request costs, beside the peers."""

import statistics

import load
import proxies
from accounting import cpu, memory

# 4 chunks of 8 KiB.
UPLOAD = """
local chunk = "2000\\r\\n" .. string.rep("x", 8192) .. "\\r\\n"
local head = "POST /upload HTTP/1.1\\r\\nHost: bench.example\\r\\n"
local raw = head .. "Transfer-Encoding: chunked\\r\\n\\r\\n" ..
  string.rep(chunk, 4) .. "0\\r\\n\\r\\n"
request = function() return raw end
"""
GRPC = ("content-type: application/grpc", "te: trailers")


def over_http1(path="/", connections=32, script="", https=False, headers=()):
    def go(proxy, seconds, rate=None):
        scheme, port = ("https", proxy.https) if https else ("http", proxy.http)
        pause = max(round(connections * 4 / rate * 1000), 1) if rate else 0
        many = connections * 4 if rate else connections
        return load.wrk(proxy.stage.folder, f"{scheme}://127.0.0.1:{port}{path}", seconds, many,
                        script, pause, headers)
    return go


def over_http2(grpc=False, clients=8, streams=16):
    def go(proxy, seconds, rate=None):
        folder = proxy.stage.folder
        rps = rate / clients if rate else 0
        if not grpc:
            url = f"https://127.0.0.1:{proxy.https}/"
            return load.h2load(folder, url, seconds, clients, streams, rps)
        url = f"http://127.0.0.1:{proxy.h2c}/bench.Echo/Unary"
        return load.h2load(folder, url, seconds, clients, streams, rps, proxy.stage.message,
                           GRPC)
    return go


def _handshakes(resumed):
    def go(proxy, seconds, rate=None):
        return load.handshakes(proxy.stage.folder, proxy.https, seconds, resumed)
    return go


class Workload:
    def __init__(self, title, go, half=True):
        self.title, self.go, self.half = title, go, half


WORKLOADS = {
    "W1": Workload("HTTP/1.1 keep-alive, 1 KiB", over_http1()),
    "W2": Workload("HTTP/1.1 keep-alive, 1 KiB, TLS 1.3", over_http1(https=True)),
    "W3": Workload("HTTP/2 over TLS, 1 KiB, to HTTP/1.1", over_http2()),
    "W4": Workload("gRPC unary, h2c to h2c", over_http2(grpc=True)),
    "W5": Workload("1 MiB responses", over_http1("/mib", 8)),
    "W6": Workload("32 KiB chunked uploads", over_http1(script=UPLOAD)),
    "W7": Workload("a new connection for each request", over_http1(headers=("Connection: close",))),
    "W8": Workload("TLS handshakes, full", _handshakes(False), half=False),
    "W8r": Workload("TLS handshakes, resumed", _handshakes(True), half=False),
}


def rounds(work, running, args):
    """Every proxy in turn, several rounds; the middle of each figure, and the spread of CPU."""
    found = {proxy.name: [] for proxy in running}
    for _ in range(args.rounds):
        for proxy in running:
            work.go(proxy, 1)
            before = cpu(proxy.pid)
            full = work.go(proxy, args.seconds)
            each = (cpu(proxy.pid) - before) / full.requests * 1e6
            # Open connections differ from proxy to proxy; the rate asked for is half of its own.
            half = work.go(proxy, args.seconds, full.rate / 2) if work.half else full
            found[proxy.name].append(
                {"us": each, "rate": full.rate, "p50": half.p50, "p99": half.p99,
                 "p999": half.p999, "mib": memory(proxy.pid) / 2**20,
                 "failed": full.failed + half.failed})
    middle = lambda rows, key: statistics.median(row[key] for row in rows)  # noqa: E731
    out = {}
    for name, rows in found.items():
        out[name] = {key: middle(rows, key) for key in rows[0]}
        out[name]["least"] = min(row["us"] for row in rows)
        out[name]["failed"] = sum(row["failed"] for row in rows)
        out[name]["most"] = max(row["us"] for row in rows)
    return out


def run(names, stage, args, report):
    """Those of these workloads that are W1 to W8."""
    asked = [name for name in WORKLOADS if name in names or name[:2] in names]
    if not asked:
        return
    running = [proxies.nginx(stage), proxies.haproxy(stage)]
    if args.envoy:
        running.append(proxies.envoy(stage))
    running.append(proxies.headgate(stage))
    running.append(proxies.headgate(stage, "headgate, no log", options=("--access-log", "off")))
    for name in asked:
        work = WORKLOADS[name]
        report.traffic(name, work.title, rounds(work, running, args))
    for proxy in running:
        proxy.stop()
