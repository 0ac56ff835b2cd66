"""What a gateway does all day, once and without peers, for whoever watches the process: W1 to W8,
and a start with a table of some size."""

import change
import proxies
import traffic


def run(stage, seconds):
    proxy = proxies.headgate(stage)
    for work in traffic.WORKLOADS.values():
        work.go(proxy, seconds)
    proxy.stop()
    proxies.headgate(stage, more=change.many_routes(5_000)).stop()
