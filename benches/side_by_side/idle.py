"""W9: what a connection costs that does nothing."""

import socket
import ssl
import struct
import time

import proxies
from accounting import memory

# So many of each peer: files that one process may open are few, and each costs the same.
PEERS = 2_000
# After that long without a request a connection of Headgate's gives up its buffers; the peers'
# wait as long.
REST = 10
HEAD = b"GET / HTTP/1.1\r\nHost: bench.example\r\n\r\n"


def _frame(kind, flags, stream, payload):
    length = struct.pack(">I", len(payload))[1:]
    return length + bytes([kind, flags]) + struct.pack(">I", stream) + payload


# Preface, empty SETTINGS, the acknowledgement of the peer's, and GET / by the static table.
HTTP2 = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"") + _frame(4, 1, 0, b"")
         + _frame(1, 5, 1, bytes([0x82, 0x87, 0x84, 0x41, 13]) + b"bench.example"))


def _open(port, context):
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context:
        made = context.wrap_socket(made, server_hostname="bench.example")
    return made


def _context(protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context


def _request(made, head):
    """One request, and its answer read to the end: 1 KiB and its head."""
    made.sendall(head)
    made.settimeout(10)
    seen = b""
    while seen.count(b"x") < 1024:
        more = made.recv(65536)
        if not more:
            raise OSError(f"closed after {seen[:200]}")
        seen += more


def _warm(port, context, head):
    """Whoever allocates at the first requests has done so."""
    for _ in range(50):
        made = _open(port, context)
        _request(made, head)
        made.close()


def run(stage, args, report):
    """Each kind on fresh processes, so that none finds memory of the one before."""
    kinds = {
        "clear": lambda proxy: (proxy.http, None, HEAD),
        "TLS": lambda proxy: (proxy.https, _context("http/1.1"), HEAD),
        "TLS, HTTP/2": lambda proxy: (proxy.https, _context("h2"), HTTP2),
    }
    makers = [proxies.nginx, proxies.haproxy] + ([proxies.envoy] if args.envoy else [])
    rows = {}
    for kind, of in kinds.items():
        held, before = [], {}
        for maker in makers + [proxies.headgate]:
            proxy = maker(stage)
            count = min(args.connections, PEERS) if maker in makers else args.connections
            port, context, head = of(proxy)
            _warm(port, context, head)
            before[proxy] = memory(proxy.pid), count
            for _ in range(count):
                held.append(_open(port, context))
                _request(held[-1], head)
        time.sleep(REST)
        for proxy, (bytes_before, count) in before.items():
            each = (memory(proxy.pid) - bytes_before) / count
            rows.setdefault(proxy.name, {})[f"{kind} KiB"] = each / 1024
        for made in held:
            made.close()
        for proxy in before:
            proxy.stop()
    report.lines("W9", f"{args.connections:,} idle connections: memory of each", rows)
