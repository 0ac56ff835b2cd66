"""W10: W1 in large tables, of Headgate and of peers, each beside its own table of one route."""

import proxies
import traffic
from change import many_routes
from stage import free_port

ROUTE, ROUTES, RULES = "1 route", "40,000 routes", "1,000 header rules"
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


def _many_headers(folder):
    """1,000 rules on one path that ask for a value of one header: 63 routes of 16 rules."""
    rule = """  - backendRefs: [{{name: http, port: 80}}]
    matches: [{{path: {{type: PathPrefix, value: /}}, headers: [{{name: x-tenant, value: t{}}}]}}]
"""
    for first in range(0, 1_000, 16):
        rules = "".join(rule.format(index) for index in range(first, min(first + 16, 1_000)))
        head = proxies.route(f"tenants-{first}").split("  - backendRefs")[0]
        (folder / f"tenants-{first}.yaml").write_text(head + rules)


def _peers(stage):
    """nginx and HAProxy as their users would: a server for each host, and a map. Each listens for
    each table on a port of its own."""
    hosts, tenants = free_port(), free_port()
    servers = "".join(_nginx_host(hosts, host) for host in range(5_000))
    header = "".join(f"t{index} http; " for index in range(1_000))
    nginx = proxies.nginx(stage, more=f"""
  {servers} map $http_x_tenant $to {{ {header} }}
  server {{ listen 127.0.0.1:{tenants}; location / {{ proxy_pass http://$to; }} }}
""")
    found = _views(nginx, hosts, tenants)
    hosts, tenants = free_port(), free_port()
    by_host = stage.write("hosts.map", "".join(
        f"host-{index // 8}.example/service-{index % 8} up\n" for index in range(40_000)))
    by_header = stage.write("tenants.map", "".join(f"t{index} up\n" for index in range(1_000)))
    haproxy = proxies.haproxy(stage, end=f"""
frontend hosts
  bind 127.0.0.1:{hosts} backlog 4096
  use_backend %[base,map_beg({by_host})]
frontend tenants
  bind 127.0.0.1:{tenants} backlog 4096
  use_backend %[req.hdr(x-tenant),map({by_header})]
""")
    return found | _views(haproxy, hosts, tenants)


def _nginx_host(port, host):
    places = "".join(f"location /service-{place} {{ proxy_pass http://http; }} "
                     for place in range(8))
    return (f"server {{ listen 127.0.0.1:{port}; server_name host-{host}.example; "
            f"{places} }}\n")


def _views(proxy, hosts, tenants):
    """One process, once for each of its tables."""
    return {(proxy.name, table): proxies.Proxy(
                f"{proxy.name}, {table}", proxy.stage, proxy.process, (port, None, None))
            for table, port in ((ROUTE, proxy.http), (ROUTES, hosts), (RULES, tenants))}


def run(stage, args, report):
    """The same requests to a table with one route, in the same rounds."""
    found = {("headgate", table): proxies.headgate(stage, f"headgate, {table}", more=more)
             for table, more in ((ROUTE, None), (ROUTES, many_routes(40_000)),
                                 (RULES, _many_headers))}
    found |= _peers(stage)
    ratios = {}
    for table, script in ((ROUTES, HOSTS), (RULES, TENANTS)):
        work = traffic.Workload(table, traffic.over_http1(script=script))
        running = [proxy for (_, of), proxy in found.items() if of in (ROUTE, table)]
        rows = traffic.rounds(work, running, args)
        report.traffic(f"W10, {table}", "W1 in a large table, and in a small one", rows)
        for who in ("headgate", "nginx", "haproxy"):
            large, small = rows[f"{who}, {table}"]["us"], rows[f"{who}, {ROUTE}"]["us"]
            ratios[f"{who}, {table}"] = {"ratio": f"{large / small:.2f}"}
    report.lines("W10, to one route", "CPU per request", ratios)
    for process in {proxy.pid: proxy.process for proxy in found.values()}.values():
        stage.stop(process)
