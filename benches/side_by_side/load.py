"""Load from wrk, h2load and openssl, on the core that the proxies do not have."""

import re
import subprocess
import sys

from stage import OTHER_CPU

# What wrk itself prints has no 99.9th percentile.
LATENCY = """
done = function(summary, latency, requests)
  io.write(string.format("\\nlatency %d %d %d\\n", latency:percentile(50),
    latency:percentile(99), latency:percentile(99.9)))
end
"""
# Of a connection of h2load, which does not replace one that its server has ended: Headgate ends
# them after 10,000.
REQUESTS = 9_000


class Result:
    """So many requests in so many seconds; the time of the slower ones, in milliseconds."""

    def __init__(self, requests, seconds, latency, failed=0):
        self.requests, self.seconds, self.failed = requests, seconds, failed
        self.p50, self.p99, self.p999 = latency

    @property
    def rate(self):
        return self.requests / self.seconds


def run(*command):
    done = subprocess.run(
        ["taskset", "-c", OTHER_CPU, *map(str, command)], capture_output=True, text=True,
        timeout=300)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def wrk(folder, url, seconds, connections, script="", pause_ms=0, headers=()):
    """HTTP/1.1. With a pause, each connection waits about so long between its requests."""
    lua = script + LATENCY
    if pause_ms:
        lua += f"delay = function() return math.random(0, {2 * pause_ms}) end\n"
    path = folder / "wrk.lua"
    path.write_text(lua)
    given = [part for header in headers for part in ("-H", header)]
    out = run("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", path, *given, url)
    bad = re.findall(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
    failed = sum(int(number) for found in bad for number in re.findall(r"\d+", " ".join(found)))
    requests, spent, unit = re.search(r"(\d+) requests in ([\d.]+)(s|m)", out).groups()
    latency = [int(x) / 1e3 for x in re.search(r"latency (\d+) (\d+) (\d+)", out).groups()]
    seconds = float(spent) * (60 if unit == "m" else 1)
    return Result(int(requests), seconds, latency, failed)


def h2load(folder, url, seconds, clients, streams, rps=0, data=None, headers=()):
    """HTTP/2; by prior knowledge where the URL says http. `rps`: of each client."""
    log = folder / "h2load.log"
    given = [part for header in headers for part in ("-H", header)]
    given += ["-d", data] if data else []
    given += [f"--rps={rps:.2f}", f"--log-file={log}"] if rps else []
    good, bad, spent, times = 0, 0, 0.0, []
    while spent < seconds:
        many = min(REQUESTS, round(rps * (seconds - spent)) + 1 if rps else REQUESTS)
        log.unlink(missing_ok=True)
        out = run("h2load", f"-c{clients}", f"-m{streams}", f"-n{clients * many}", *given, url)
        counts = re.search(r"requests: .*?(\d+) succeeded, (\d+) failed, (\d+) errored", out)
        figures = list(map(int, counts.groups()))
        good, bad = good + figures[0], bad + sum(figures[1:])
        value, unit = re.search(r"finished in ([\d.]+)(us|ms|s)", out).groups()
        spent += float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]
        lines = log.read_text().splitlines() if rps else []
        times += [int(line.split()[2]) / 1e3 for line in lines]
    latency = (0, 0, 0)
    if rps:
        times.sort()
        latency = [times[min(int(len(times) * q), len(times) - 1)] for q in (0.5, 0.99, 0.999)]
    return Result(good, spent, latency, bad)


def handshakes(folder, port, seconds, resumed):
    """TLS handshakes one after the other, each with one request; resumed by ticket, or full."""
    how = "-reuse" if resumed else "-new"
    out = run("openssl", "s_time", "-connect", f"127.0.0.1:{port}", how, "-time", seconds,
              "-www", "/", "-tls1_3")
    count, real = re.findall(r"(\d+) connections in ([\d.]+) real seconds", out)[-1]
    return Result(int(count), float(real), (0, 0, 0))
