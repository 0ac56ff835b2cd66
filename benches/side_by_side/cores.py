"""W1 with one worker, and with two on both cores: whether a request costs more beside a second
worker. The load is on the second core as well, so only CPU per request says something."""

import proxies
import traffic

LOAD = traffic.over_http1()


def run(stage, args, report):
    running = []
    for workers in (1, 2):
        nginx = proxies.nginx(stage, workers=workers)
        nginx.name += f", {workers}"
        running += [nginx, proxies.headgate(stage, f"headgate, {workers}", workers=workers)]
    rows = traffic.rounds(traffic.Workload("workers", LOAD, half=False), running, args)
    report.lines("W1, workers", "CPU per request", {
        name: {"one worker, µs": rows[f"{name}, 1"]["us"],
               "two, µs": rows[f"{name}, 2"]["us"]} for name in ("nginx", "headgate")})
    for proxy in running:
        proxy.stop()
