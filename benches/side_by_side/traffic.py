"""W1 to W8 and W10: what a request costs, beside the peers."""

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
HOSTS = """
math.randomseed(7)
request = function()
  return wrk.format("GET", "/service-" .. math.random(0, 7) .. "/items",
    {Host = "host-" .. math.random(0, 4999) .. ".example"})
end
"""
TENANTS = """
math.randomseed(7)
request = function()
  return wrk.format("GET", "/", {["X-Tenant"] = "t" .. math.random(0, 999)})
end
"""
GRPC = ("content-type: application/grpc", "te: trailers")


def _wrk(path="/", connections=32, script="", https=False, headers=()):
    def go(proxy, seconds, rate=None):
        scheme, port = ("https", proxy.https) if https else ("http", proxy.http)
        pause = max(round(connections * 4 / rate * 1000), 1) if rate else 0
        many = connections * 4 if rate else connections
        return load.wrk(proxy.stage.folder, f"{scheme}://127.0.0.1:{port}{path}", seconds, many,
                        script, pause, headers)
    return go


def _h2(grpc=False, clients=8, streams=16):
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
    "W1": Workload("HTTP/1.1 keep-alive, 1 KiB", _wrk()),
    "W2": Workload("HTTP/1.1 keep-alive, 1 KiB, TLS 1.3", _wrk(https=True)),
    "W3": Workload("HTTP/2 over TLS, 1 KiB, to HTTP/1.1", _h2()),
    "W4": Workload("gRPC unary, h2c to h2c", _h2(grpc=True)),
    "W5": Workload("1 MiB responses", _wrk("/mib", 8)),
    "W6": Workload("32 KiB chunked uploads", _wrk(script=UPLOAD)),
    "W7": Workload("a new connection for each request", _wrk(headers=("Connection: close",))),
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


def train(stage, seconds):
    """Each of these loads once, without peers, for whoever watches the process."""
    proxy = proxies.headgate(stage)
    for work in WORKLOADS.values():
        work.go(proxy, seconds)
    proxy.stop()


def many_hosts(folder):
    """40,000 routes on 5,000 hosts, 200 to a file."""
    for first in range(0, 40_000, 200):
        text = ""
        for index in range(first, first + 200):
            path = f"matches: [{{path: {{type: PathPrefix, value: /service-{index % 8}}}}}]"
            text += proxies.route(f"route-{index}", host=f"host-{index // 8}.example", matches=path)
        (folder / f"routes-{first}.yaml").write_text(text)


def many_headers(folder):
    """1,000 rules on one path that ask for a value of one header: 63 routes of 16 rules."""
    rule = """  - backendRefs: [{{name: http, port: 80}}]
    matches: [{{path: {{type: PathPrefix, value: /}}, headers: [{{name: x-tenant, value: t{}}}]}}]
"""
    for first in range(0, 1_000, 16):
        rules = "".join(rule.format(index) for index in range(first, min(first + 16, 1_000)))
        head = proxies.route(f"tenants-{first}").split("  - backendRefs")[0]
        (folder / f"tenants-{first}.yaml").write_text(head + rules)


def run_large(stage, args, report):
    """W10: W1 again in large tables, beside W1 itself in the same rounds."""
    few = proxies.headgate(stage, "headgate, 1 route")
    hosts = proxies.headgate(stage, "headgate, 40,000 routes", more=many_hosts)
    headers = proxies.headgate(stage, "headgate, 1,000 header rules", more=many_headers)
    plain, by_host, by_header = _wrk(), _wrk(script=HOSTS), _wrk(script=TENANTS)
    which = {few.name: plain, hosts.name: by_host, headers.name: by_header}
    work = Workload("large tables", lambda proxy, *more: which[proxy.name](proxy, *more))
    running = [few, hosts, headers]
    report.traffic("W10", "W1 in large tables", rounds(work, running, args))
    for proxy in running:
        proxy.stop()
