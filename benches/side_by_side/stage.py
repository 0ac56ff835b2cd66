"""Where a benchmark plays: a folder, ports, processes on chosen cores, and one upstream."""

import contextlib
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

PROXY_CPU, OTHER_CPU = "0", "1"
KIB = "x" * 1024
MIB = 2**20

# `mirror` is what makes nginx read a body to its end before it answers.
UPSTREAM = """
worker_processes 1; pid {dir}/upstream.pid; daemon off;
error_log {dir}/upstream.err;
events {{ worker_connections 16000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; client_max_body_size 0;
  client_body_buffer_size 64k; sendfile on; tcp_nopush on; default_type application/octet-stream;
  server {{ listen {http} backlog=4096; root {dir}/files;
    location = /mib {{ }}
    location = /upload {{ mirror /read; error_page 405 =200 /kib; }}
    location = /kib {{ }}
    location = /read {{ internal; return 204; }}
    location / {{ return 200 "{kib}"; }} }}
}}
"""


class Stage:
    """A context manager: whatever was started in it has ended behind it."""

    def __init__(self, headgate):
        self.headgate = headgate
        self.started = []
        self.logs = []

    def __enter__(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        os.sched_setaffinity(0, {int(OTHER_CPU)})
        # The others change their user; they must be able to read what is in here.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="headgate-bench-"))
        self.folder.chmod(0o755)
        (self.folder / "files").mkdir()
        (self.folder / "files" / "mib").write_bytes(b"x" * MIB)
        for name in ("kib", "upload"):
            (self.folder / "files" / name).write_text(KIB)
        # An empty message: no flags, no length.
        self.message = self.folder / "files" / "bench.Echo" / "Unary"
        self.message.parent.mkdir()
        self.message.write_bytes(bytes(5))
        self.certificate()
        self.http, self.grpc = free_port(), free_port()
        return self

    def __exit__(self, *_):
        for process in list(self.started):
            self.stop(process)
        for log in self.logs:
            log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def upstream(self):
        """Answers 1 KiB, /mib and /upload on every address of loopback, gRPC on another port."""
        text = UPSTREAM.format(dir=self.folder, http=self.http, kib=KIB)
        path = self.write("upstream.conf", text)
        process = self.start(OTHER_CPU, "nginx", "-c", path, "-e", self.folder / "upstream.err")
        self.wait_for(process, self.http)
        # Much quicker with a call than nginx, so that the proxies are what is slow.
        process = self.start(
            OTHER_CPU, "nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", self.folder / "files",
            "--no-content-length", "--trailer", "grpc-status: 0", self.grpc)
        self.wait_for(process, self.grpc)

    def certificate(self):
        self.key, self.chain = self.folder / "key.pem", self.folder / "chain.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", self.key, "-out", self.chain, "-days", "30", "-subj",
             "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example,DNS:localhost"],
            check=True, capture_output=True)
        # What HAProxy reads.
        both = self.chain.read_text() + self.key.read_text()
        self.both = self.write("both.pem", both)
        for path in (self.key, self.both):
            path.chmod(0o644)

    def write(self, name, text):
        """In one step, as editors and ConfigMaps do."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name("." + path.name + ".new")
        beside.write_text(text)
        os.rename(beside, path)
        return path

    def start(self, cpu, *command):
        log = open(self.folder / f"{len(self.logs)}.log", "wb")
        self.logs.append(log)
        process = subprocess.Popen(
            ["taskset", "-c", cpu, *map(str, command)], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, preexec_fn=os.setsid)
        process.log = log.name
        self.started.append(process)
        return process

    def stop(self, process):
        self.started.remove(process)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def wait_for(self, process, port, limit=120):
        """Returns when the port takes connections."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if process.poll() is not None:
                text = pathlib.Path(process.log).read_text(errors="replace")[-2000:]
                sys.exit(f"{process.args[3]} ended with {process.returncode}: {text}")
            with contextlib.closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        sys.exit(f"nothing listens on {port}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
