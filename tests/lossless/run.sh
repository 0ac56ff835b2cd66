#!/usr/bin/env bash
# The whole table of zeros: Headgate on a folder, Headgate in the test cluster, and its peers.
#
# HEADGATE names the binary, CLUSTER_DIR what `make cluster` built. PEERS are the proxies beside
# it, installed where this is root; PEERS= leaves them out. EVENTS=R1,R3 plays just these. Rows go
# to $CLUSTER_DIR/lossless/rows.jsonl, and what was written on the way stays beside it.
set -euo pipefail
cd "$(dirname "$0")"
: "${HEADGATE:?the path of the headgate binary}" "${CLUSTER_DIR:?what make cluster built}"
read -r -a peers <<<"${PEERS-nginx haproxy haproxy-socket}"
export PATH="$CLUSTER_DIR/bin:$PATH:/usr/sbin" GOTOOLCHAIN=auto
out=$CLUSTER_DIR/lossless
rm -rf "$out" && mkdir -p "$out"

CGO_ENABLED=0 go build -o "$out/" . ./pod
lossless() { "$out/lossless" -pod "$out/pod" -dir "$out" -events "${EVENTS:-}" -out "$out/rows.jsonl" "$@"; }

# 1 says that something isn't zero: the table at the end says what. Anything else ends this.
lossless -headgate "$HEADGATE" -size whole || (($? == 1))
cluster=0
tests=${EVENTS:+-run=^Test(${EVENTS//,/|})[A-Z]}
HEADGATE=$HEADGATE SIZE=whole ROWS=$out/rows.jsonl go test -timeout 20m -count=1 -v ${tests:+"$tests"} ./kubernetes/ \
    >"$out/kubernetes.log" 2>&1 || cluster=$?
grep -E 'headgate, k8s|^ +!|^ +[0-9]+ ×|SKIP' "$out/kubernetes.log" || true
for peer in "${peers[@]}"; do
    program=${peer%-socket}
    if ! command -v "$program" >/dev/null; then
        [[ $(id -u) == 0 ]] || { echo "$peer is left out: apt-get install $program" >&2; continue; }
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "$program" >/dev/null
    fi
    lossless -proxy "$peer" -size peers || (($? == 1))
done
echo
"$out/lossless" table "$out/rows.jsonl"
((cluster == 0)) || { echo "in the test cluster something was not as it should be: $out/kubernetes.log"; exit 1; }
