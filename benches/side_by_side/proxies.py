"""The proxies, each as its users would set it up, with one worker on the proxies' core.

All log every request and keep connections to the upstream. Each listens on `http` (HTTP/1.1),
`https` (HTTP/1.1 and HTTP/2 over TLS 1.3) and `h2c` (gRPC in clear text).
"""

import json
import shutil

from stage import OTHER_CPU, PROXY_CPU, free_port

NGINX = """
worker_processes {workers}; pid {dir}/nginx.pid; daemon off;
error_log {dir}/nginx.err;
events {{ worker_connections 16000; }}
http {{
  access_log {dir}/nginx.log combined buffer=64k flush=1s;
  keepalive_requests 1000000000; keepalive_timeout 3600s; client_max_body_size 0;
  server_names_hash_max_size 65536; map_hash_max_size 65536;
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
  proxy_request_buffering off;
  ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
  ssl_session_cache shared:tls:10m;
  upstream http {{ server 127.0.0.1:{up_http}; keepalive 256; keepalive_requests 1000000000; }}
  upstream grpc {{ server 127.0.0.1:{up_grpc}; keepalive 256; keepalive_requests 1000000000; }}
  {more}
  server {{ listen 127.0.0.1:{http} backlog=4096; listen 127.0.0.1:{https} ssl http2 backlog=4096;
    location / {{ proxy_pass http://http; }} }}
  server {{ listen 127.0.0.1:{h2c} http2; location / {{ grpc_pass grpc://grpc; }} }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 16000
  no strict-limits
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.3
  {top}
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 3600s
  timeout server 60s
frontend web
  bind 127.0.0.1:{http} backlog 4096
  bind 127.0.0.1:{https} ssl crt {both} alpn h2,http/1.1 backlog 4096
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  default_backend up
backend up
  server one 127.0.0.1:{up_http}
frontend grpc
  bind 127.0.0.1:{h2c} proto h2
  default_backend grpc
backend grpc
  server one 127.0.0.1:{up_grpc} proto h2
"""


class Proxy:
    """One that runs."""

    def __init__(self, name, stage, process, ports):
        self.name, self.stage, self.process = name, stage, process
        self.http, self.https, self.h2c = ports

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.stage.stop(self.process)


def _three():
    return free_port(), free_port(), free_port()


def _ready(name, stage, ports, *command, workers=1):
    process = stage.start(_cpus(workers), *command)
    stage.wait_for(process, ports[0])
    return Proxy(name, stage, process, ports)


def _cpus(workers):
    return PROXY_CPU if workers == 1 else f"{PROXY_CPU},{OTHER_CPU}"


def nginx(stage, more="", workers=1):
    ports = _three()
    path = nginx_config(stage, ports, more, workers)
    command = ("nginx", "-c", path, "-e", stage.folder / "nginx.err")
    return _ready("nginx", stage, ports, *command, workers=workers)


def nginx_config(stage, ports, more="", workers=1):
    http, https, h2c = ports
    text = NGINX.format(
        dir=stage.folder, http=http, https=https, h2c=h2c, up_http=stage.http, up_grpc=stage.grpc,
        chain=stage.chain, key=stage.key, more=more, workers=workers)
    return stage.write("nginx.conf", text)


def haproxy(stage, top="", end=""):
    """`top` goes into the global section, `end` is more sections."""
    http, https, h2c = ports = _three()
    text = HAPROXY.format(
        http=http, https=https, h2c=h2c, up_http=stage.http, up_grpc=stage.grpc, both=stage.both,
        top=top)
    path = stage.write("haproxy.cfg", text + end)
    return _ready("haproxy", stage, ports, "haproxy", "-db", "-f", path)


def envoy(stage):
    ports = _three()
    path = stage.write("envoy.json", json.dumps(_envoy_config(stage, ports)))
    return _ready(
        "envoy", stage, ports, "envoy", "-c", path, "--concurrency", "1",
        "--disable-hot-restart", "--log-level", "error")


def _envoy_config(stage, ports):
    http, https, h2c = ports
    extensions = "type.googleapis.com/envoy.extensions."

    def listener(name, port, cluster, tls):
        manager = {
            "@type": extensions
            + "filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            "codec_type": "AUTO",
            "use_remote_address": True,
            # What `openssl s_time` speaks.
            "http_protocol_options": {
                "accept_http_10": True, "default_host_for_http_10": "bench.example"},
            "access_log": [{"name": "file", "typed_config": {
                "@type": extensions + "access_loggers.file.v3.FileAccessLog",
                "path": str(stage.folder / "envoy.log")}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": cluster}}]}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": extensions + "filters.http.router.v3.Router"}}],
        }
        chain = {"filters": [{"name": "http", "typed_config": manager}]}
        if tls:
            chain["transport_socket"] = {"name": "tls", "typed_config": {
                "@type": extensions + "transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"},
                    "tls_certificates": [{
                        "certificate_chain": {"filename": str(stage.chain)},
                        "private_key": {"filename": str(stage.key)}}]}}}
        return {"name": name, "address": _envoy_address(port), "filter_chains": [chain]}

    def cluster(name, port, http2):
        made = {"name": name, "type": "STATIC", "load_assignment": {
            "cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": _envoy_address(port)}}]}]},
            "circuit_breakers": {"thresholds": [
                {"max_connections": 30000, "max_pending_requests": 30000, "max_requests": 30000}]}}
        if http2:
            made["typed_extension_protocol_options"] = {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": extensions + "upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}}}}
        return made

    return {"static_resources": {
        "listeners": [
            listener("http", http, "up", False),
            listener("https", https, "up", True),
            listener("grpc", h2c, "grpc", False)],
        "clusters": [
            cluster("up", stage.http, False), cluster("grpc", stage.grpc, True)]}}


def _envoy_address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


CLASS = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: bench}}
spec:
  gatewayClassName: headgate
  listeners:
  - {{name: http, port: {http}, protocol: HTTP}}
  - {{name: https, port: {https}, protocol: HTTPS, tls: {{certificateRefs: [{{name: bench}}]}}}}
  - {{name: h2c, port: {h2c}, protocol: HTTP}}
---
apiVersion: v1
kind: Secret
metadata: {{name: bench}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
    {chain}
  tls.key: |
    {key}
"""
SERVICE = """---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{name: web, port: 80, appProtocol: {protocol}}}]}}
"""
SLICE = """---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
endpoints: [{endpoints}]
ports: [{{name: web, port: {port}}}]
"""
ROUTE = """---
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: bench, sectionName: {section}}}]
  {hosts}
  rules:
  - backendRefs: [{{name: {service}, port: 80}}]
    {matches}
"""


def route(name, section="http", service="http", host=None, matches="", kind="HTTPRoute"):
    hosts = f'hostnames: ["{host}"]' if host else ""
    return ROUTE.format(
        name=name, section=section, service=service, hosts=hosts, matches=matches, kind=kind)


def endpoints(name, addresses, port):
    inside = ", ".join(f"{{addresses: [{address}]}}" for address in addresses)
    return SLICE.format(name=name, endpoints=inside, port=port)


def service(name, protocol="http"):
    return SERVICE.format(name=name, protocol=protocol)


def _folder(stage, ports, name, catch_all):
    """What every run of Headgate needs; more may be written beside it."""
    http, https, h2c = ports
    block = lambda path: path.read_text().strip().replace("\n", "\n    ")  # noqa: E731
    text = CLASS.format(
        http=http, https=https, h2c=h2c, chain=block(stage.chain), key=block(stage.key))
    text += service("http") + endpoints("http", ["127.0.0.1"], stage.http)
    text += service("grpc", "kubernetes.io/h2c") + endpoints("grpc", ["127.0.0.1"], stage.grpc)
    text += route("all", host=None if catch_all else "first.example")
    text += route("secure", section="https")
    text += route("grpc", section="h2c", service="grpc", kind="GRPCRoute")
    return stage.write(f"{name}/all.yaml", text).parent


def headgate(
        stage, name="headgate", more=None, options=(), catch_all=True, wait=True, workers=1):
    """As shipped but for the number of workers; `more` writes further manifests."""
    ports = _three()
    place = "manifests-" + "".join(c for c in name if c.isalnum())
    shutil.rmtree(stage.folder / place, ignore_errors=True)
    manifests = _folder(stage, ports, place, catch_all)
    if more:
        more(manifests)
    source = ("--manifests", manifests)
    process = stage.start(_cpus(workers), *_headgate_command(stage, source, options, workers))
    if wait:
        stage.wait_for(process, ports[0])
    made = Proxy(name, stage, process, ports)
    made.folder = manifests
    return made


def headgate_on(stage, kubeconfig):
    """With an API server as its source."""
    source = ("--kubeconfig", kubeconfig)
    process = stage.start(PROXY_CPU, *_headgate_command(stage, source, ()))
    return Proxy("headgate", stage, process, (None, None, None))


def _headgate_command(stage, source, options, workers=1):
    return (stage.headgate, "run", *source, "--workers", workers, "--pre-drain", "0s",
            "--admin", f"127.0.0.1:{free_port()}", *options)
