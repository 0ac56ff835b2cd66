"""What a gateway does all day, once and without peers, for whoever watches the process: W1 to W8,
a start with a table of some size, and an API server that tells of changes."""

import change
import proxies
import traffic


def run(stage, args, report):
    proxy = proxies.headgate(stage)
    for work in traffic.WORKLOADS.values():
        work.go(proxy, args.seconds)
    proxy.stop()
    proxies.headgate(stage, more=change.many_routes(5_000)).stop()
    change.watcher(stage, args, report)
