#!/usr/bin/env bash
# Builds the test cluster into $CLUSTER_DIR: everything is a Go module, built once and cached.
#
# Any Go ≥ 1.21 does, for it fetches the toolchains that our go.mod files ask for. Where there is
# none, an older Go from the distribution fetches one the same way: as a module.
set -euo pipefail
cd "$(dirname "$0")"
: "${CLUSTER_DIR:?says where the binaries go}"
bootstrap=1.27.3
export GOTOOLCHAIN=auto

switches() { # does this go fetch other toolchains by itself?
    [[ $("$1" env GOVERSION 2>/dev/null) =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21))
}

if ! switches go; then
    if ! command -v go >/dev/null; then
        [[ $(id -u) == 0 ]] || { echo "Go is missing: apt-get install golang-go" >&2; exit 1; }
        apt-get update -qq && apt-get install -y -qq golang-go ca-certificates
    fi
    if ! switches go; then
        toolchain=golang.org/toolchain@v0.0.1-go$bootstrap.linux-$(go env GOARCH)
        (cd "$(mktemp -d)" && go mod download "$toolchain")
        root=$(go env GOMODCACHE)/$toolchain
        chmod -R u+w "$root" && chmod +x "$root"/bin/* "$root"/pkg/tool/*/*
        export PATH=$root/bin:$PATH
    fi
fi

# ip makes the networks; kubectl looks at a pod's rights from inside the pod.
for need in ip:iproute2 kubectl:kubernetes-client; do
    command -v "${need%:*}" >/dev/null && continue
    [[ $(id -u) == 0 ]] || { echo "${need%:*} is missing: apt-get install ${need#*:}" >&2; exit 1; }
    apt-get update -qq && apt-get install -y -qq "${need#*:}"
done

mkdir -p "$CLUSTER_DIR/bin"
ln -sf "$(go env GOROOT)/bin/go" "$CLUSTER_DIR/bin/go" # the one that the tests use as well
CGO_ENABLED=0 go build -o "$CLUSTER_DIR/bin/cluster" .
"$CLUSTER_DIR/bin/cluster" build -src .
