"""As much of a Kubernetes API as a watcher needs: lists, and watches that tell of changes."""

import http.server
import json
import queue
import socketserver
import threading
import time

import proxies
from stage import free_port

GATEWAY_API = "gateway.networking.k8s.io/v1"
KINDS = {
    "gatewayclasses": ("GatewayClass", GATEWAY_API), "gateways": ("Gateway", GATEWAY_API),
    "httproutes": ("HTTPRoute", GATEWAY_API), "services": ("Service", "v1"),
    "endpointslices": ("EndpointSlice", "discovery.k8s.io/v1"),
}
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: bench, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: bench, user: {{}}}}]
contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]
current-context: bench
"""


class Api:
    """Services with a route and so many endpoints each; a context manager."""

    def __init__(self, stage, services, endpoints):
        self.stage, self.services, self.endpoints = stage, services, endpoints
        self.port, self.version = free_port(), 1
        self.watchers, self.watched = [], threading.Event()
        self.listen = free_port()
        self.lists = {plural: self._objects(plural) for plural in KINDS}

    def _meta(self, name, **more):
        return {"name": name, "namespace": "bench", "uid": name, "generation": 1,
                "resourceVersion": str(self.version),
                "creationTimestamp": "2026-01-01T00:00:00Z", **more}

    def _objects(self, plural):
        if plural == "gatewayclasses":
            return [{"metadata": self._meta("headgate"), "spec": {
                "controllerName": "headgate.dev/gateway-controller"}}]
        if plural == "gateways":
            return [{"metadata": self._meta("bench"), "spec": {
                "gatewayClassName": "headgate", "listeners": [
                    {"name": "http", "port": self.listen, "protocol": "HTTP"}]}}]
        one = {"httproutes": self._route, "services": self._service,
               "endpointslices": lambda index: self._slice(index, self.endpoints)}[plural]
        return [one(index) for index in range(self.services)]

    def _route(self, index):
        return {"metadata": self._meta(f"b-{index}"), "spec": {
            "parentRefs": [{"name": "bench"}], "hostnames": [f"b-{index}.example"],
            "rules": [{"backendRefs": [{"name": f"b-{index}", "port": 80}]}]}}

    def _service(self, index):
        return {"metadata": self._meta(f"b-{index}"), "spec": {
            "ports": [{"name": "web", "port": 80}]}}

    def _slice(self, index, count):
        """As a cluster writes it: each endpoint with its conditions, node and pod."""
        first = index * self.endpoints
        made = [{"addresses": [f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}"],
                 "conditions": {"ready": True, "serving": True, "terminating": False},
                 "nodeName": f"node-{at % 100}", "zone": "a",
                 "targetRef": {"kind": "Pod", "namespace": "bench", "name": f"pod-{at}",
                               "uid": f"00000000-0000-0000-0000-{at:012}"}}
                for at in range(first, first + count)]
        labels = {"kubernetes.io/service-name": f"b-{index}"}
        return {"metadata": self._meta(f"b-{index}", labels=labels), "addressType": "IPv4",
                "endpoints": made, "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}]}

    def change(self, index):
        """The last endpoint of one slice leaves; when its turn comes again, it is back."""
        self.version += 1
        gone = (index // self.services + 1) % 2
        changed = self._slice(index % self.services, self.endpoints - gone)
        changed |= {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1"}
        line = json.dumps({"type": "MODIFIED", "object": changed}).encode() + b"\n"
        for watcher in self.watchers:
            watcher.put(line)

    def kubeconfig(self):
        return self.stage.write("kubeconfig", KUBECONFIG.format(port=self.port))

    def wait_for_watch(self):
        if not self.watched.wait(120):
            raise TimeoutError("nobody watches EndpointSlices")

    def __enter__(self):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path, _, query = self.path.partition("?")
                plural = path.rsplit("/", 1)[-1]
                if "watch=" in query:
                    api._watch(self, plural)
                elif "/leases" in path:
                    self.answer(200, _lease())
                else:
                    kind, version = KINDS.get(plural, ("", "v1"))
                    self.answer(200, {
                        "kind": f"{kind}List", "apiVersion": version,
                        "metadata": {"resourceVersion": str(api.version)},
                        "items": api.lists.get(plural, [])})

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def _watch(self, handler, plural):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        mine = queue.SimpleQueue()
        if plural == "endpointslices":
            self.watchers.append(mine)
            self.watched.set()
        # A little longer than the watcher asks for.
        end = time.monotonic() + 30
        try:
            while time.monotonic() < end:
                try:
                    line = mine.get(timeout=end - time.monotonic())
                except (queue.Empty, ValueError):
                    break
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            handler.close_connection = True
        finally:
            if mine in self.watchers:
                self.watchers.remove(mine)


def _lease():
    """Somebody else's, so that nobody writes statuses here."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    return {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"name": "headgate", "namespace": "headgate-system",
                         "resourceVersion": "1"},
            "spec": {"holderIdentity": "another", "leaseDurationSeconds": 3600,
                     "acquireTime": now, "renewTime": now}}
