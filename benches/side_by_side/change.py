"""W11 to W14: what a change costs, how soon it is live, and what a start costs."""

import signal
import socket
import statistics
import sys
import threading
import time

import load
import proxies
from accounting import cpu, cpu_beside, memory
from api import Api
from stage import free_port

BACKENDS = 1_000
BACKEND_HOSTS = """
math.randomseed(7)
request = function()
  return wrk.format("GET", "/", {Host = "b-" .. math.random(0, 999) .. ".example"})
end
"""


def _addresses(backend, count=3):
    """Of their own for each backend; the upstream answers on all of loopback."""
    return [f"127.{1 + backend // 200}.{backend % 200}.{host + 1}" for host in range(count)]


def _paced(rate, stop, do):
    """Does something so many times a second until told to stop; how often it was done."""
    begun, done = time.monotonic(), 0
    while not stop.is_set():
        do(done)
        done += 1
        time.sleep(max(begun + done / rate - time.monotonic(), 0))
    return done


class Churn:
    """Changes in the background; a context manager."""

    def __init__(self, rate, do):
        self.stop, self.done = threading.Event(), 0

        def run():
            self.done = _paced(rate, self.stop, do)

        self.thread = threading.Thread(target=run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def _headgate_backends(stage):
    def more(folder):
        for backend in range(BACKENDS):
            name = f"b-{backend}"
            (folder / f"{name}.yaml").write_text(
                proxies.service(name) + proxies.route(name, service=name, host=f"{name}.example"))
            (folder / f"{name}-slice.yaml").write_text(
                proxies.endpoints(name, _addresses(backend), stage.http))

    made = proxies.headgate(stage, more=more)

    def change(index):
        """The third endpoint of one backend leaves; when its turn comes again, it is back."""
        backend, count = index % BACKENDS, 3 - (index // BACKENDS + 1) % 2
        text = proxies.endpoints(f"b-{backend}", _addresses(backend, count), stage.http)
        stage.write(f"{made.folder.name}/b-{backend}-slice.yaml", text)

    return made, change


def _haproxy_backends(stage):
    """By its runtime interface, which knows servers that were there at the start."""
    path = stage.folder / "haproxy.sock"
    parts = [f"frontend b\n  bind 127.0.0.1:{(port := free_port())} backlog 4096\n"
             "  use_backend %[req.hdr(host),field(1,.)]\n"]
    for backend in range(BACKENDS):
        servers = "".join(f"  server s{index} {address}:{stage.http}\n"
                          for index, address in enumerate(_addresses(backend)))
        parts.append(f"backend b-{backend}\n{servers}")
    made = proxies.haproxy(stage, end="".join(parts), top=f"stats socket {path} level admin")
    made.http = port

    def change(index):
        backend, state = index % BACKENDS, ("ready", "maint")[(index // BACKENDS + 1) % 2]
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(path))
            admin.sendall(f"set server b-{backend}/s2 state {state}\n".encode())
            admin.recv(4096)

    return made, change


def _nginx_backends(stage):
    """By reloading; as often as asked for, but not more often than ten times a second."""
    def text(gone):
        parts = [f"server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ "
                 "proxy_pass http://$backend; } }\n", "map $host $backend {\n"]
        parts += [f"  b-{backend}.example b-{backend};\n" for backend in range(BACKENDS)]
        parts.append("}\n")
        for backend in range(BACKENDS):
            count = 2 if backend == gone else 3
            servers = "".join(f"server {address}:{stage.http}; "
                              for address in _addresses(backend, count))
            parts.append(f"upstream b-{backend} {{ {servers} keepalive 32; }}\n")
        return "".join(parts)

    port = free_port()
    made = proxies.nginx(stage, more=text(None))
    made.http, ports = port, (made.http, made.https, made.h2c)

    def change(index):
        proxies.nginx_config(stage, ports, text(index % BACKENDS))
        made.process.send_signal(signal.SIGHUP)

    return made, change


def churn(stage, args, report):
    """W11: W1 over 1,000 backends, quiet and while endpoints change."""
    rows = {}
    for maker, rates in (
            (_nginx_backends, (10,)), (_haproxy_backends, (10, 1_000)),
            (_headgate_backends, (10, 1_000))):
        proxy, change = maker(stage)
        url = f"http://127.0.0.1:{proxy.http}/"

        def measure(rate=None):
            before = cpu(proxy.pid)
            pause = max(round(32 / rate * 1000), 1) if rate else 0
            found = load.wrk(stage.folder, url, args.seconds, 32, BACKEND_HOSTS, pause)
            return found, (cpu(proxy.pid) - before)

        full, _ = measure()
        quiet, spent = measure(full.rate / 2)
        rows[f"{proxy.name}, quiet"] = {
            "p99 ms": quiet.p99, "failed": quiet.failed,
            "µs CPU/req": spent / quiet.requests * 1e6}
        for rate in rates:
            with Churn(rate, change) as going:
                found, with_change = measure(full.rate / 2)
            rows[f"{proxy.name}, {rate}/s"] = {
                "p99 ms": found.p99, "to quiet": found.p99 / quiet.p99, "failed": found.failed,
                "µs CPU/req": with_change / found.requests * 1e6, "changes": going.done}
        proxy.stop()
    report.lines("W11", "1,000 backends while endpoints change", rows)


class Client:
    """One keep-alive connection that asks for a host and reads the status."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def status(self, host):
        self.socket.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        status, length = int(self.file.readline().split()[1]), 0
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        self.file.read(length)
        return status


def many_routes(count):
    """Spread over the hosts of W10, 200 to a file, as one team's file may have them."""
    def more(folder):
        for first in range(0, count, 200):
            routes = (proxies.route(
                f"route-{index}", host=f"host-{index // 8}.example",
                matches=f"matches: [{{path: {{type: PathPrefix, value: /service-{index % 8}}}}}]")
                for index in range(first, first + 200))
            (folder / f"routes-{first}.yaml").write_text("".join(routes))
    return more


def routes(stage, args, report):
    """W12: from the rename of a route's file to the first 200."""
    rows = {}
    for present in (0, 5_000, 40_000):
        name = f"headgate, {present:,} present"
        # Only hosts of routes are answered here, so that a new one is seen.
        proxy = proxies.headgate(stage, name, more=many_routes(present), catch_all=False)
        client, times, odd = Client(proxy.http), [], set()
        while client.status("first.example") != 200:
            pass
        for index in range(args.times):
            host = f"new-{index}.example"
            assert client.status(host) == 404
            stage.write(f"{proxy.folder.name}/new-{index}.yaml",
                        proxies.route(f"new-{index}", host=host))
            begun = time.monotonic()
            while (status := client.status(host)) != 200:
                odd |= {status} - {404}
                if time.monotonic() - begun > 30:
                    sys.exit(f"{host} is not live after 30 s")
            times.append((time.monotonic() - begun) * 1e3)
        times.sort()
        rows[name] = {
            "p50 ms": statistics.median(times), "p99": times[int(len(times) * 0.99) - 1],
            "most": times[-1], "other codes": str(sorted(odd) or "none")}
        proxy.stop()
    report.lines("W12", "a route is added: to the first 200", rows)


def _many_endpoints(stage):
    """100,000 endpoints of 1,000 services."""
    def more(folder):
        for backend in range(BACKENDS):
            name = f"b-{backend}"
            addresses = [f"10.{backend // 250}.{backend % 250}.{host}" for host in range(1, 101)]
            (folder / f"{name}.yaml").write_text(
                proxies.service(name) + proxies.route(name, service=name, host=f"{name}.example")
                + proxies.endpoints(name, addresses, 8080))
    return more


def start(stage, args, report):
    """W13: from the start of the process to its first 200, which comes when all is live."""
    rows = {}
    cases = {
        "5,000 routes": many_routes(5_000), "40,000 routes": many_routes(40_000),
        "100,000 endpoints": _many_endpoints(stage)}
    for name, more in cases.items():
        seconds, spent, used = [], [], []
        for _ in range(3):
            proxy = proxies.headgate(stage, name, more=more, wait=False)
            begun = time.monotonic()
            stage.wait_for(proxy.process, proxy.http)
            seconds.append(time.monotonic() - begun)
            spent.append(cpu(proxy.pid))
            time.sleep(2)
            used.append(memory(proxy.pid) / 2**20)
            proxy.stop()
        rows[name] = {"s to ready": statistics.median(seconds), "s CPU": statistics.median(spent),
                      "MiB": statistics.median(used)}
    report.lines("W13", "start", rows)


def watcher(stage, args, report):
    """W14: CPU of the threads that serve no traffic, while an API server tells of changes."""
    rows = {}
    for endpoints in (10, 100):
        services = 100_000 // endpoints
        with Api(stage, services, endpoints) as api:
            proxy = proxies.headgate_on(stage, api.kubeconfig())
            api.wait_for_watch()
            time.sleep(2)
            before, all_before = cpu_beside(proxy.pid, "worker"), cpu(proxy.pid)
            begun = time.monotonic()
            with Churn(1_000, api.change) as going:
                time.sleep(max(args.seconds, 5))
            took = time.monotonic() - begun
            rows[f"{endpoints} endpoints a slice"] = {
                "changes/s": going.done / took,
                "% of a core": (cpu_beside(proxy.pid, "worker") - before) / took * 100,
                "whole process": (cpu(proxy.pid) - all_before) / took * 100,
                "MiB": memory(proxy.pid) / 2**20}
            proxy.stop()
    report.lines("W14", "1,000 endpoint changes a second over 100,000 endpoints", rows)
