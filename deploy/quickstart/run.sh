#!/usr/bin/env bash
# Serves this folder: three `headgate echo` backends and the gateway, until Ctrl-C.
# HEADGATE names the binary; the release build is the default.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
headgate=${HEADGATE:-${CARGO_TARGET_DIR:-$root/target}/release/headgate}
admin=127.0.0.1:9900

if [ ! -x "$headgate" ]; then
  echo "$headgate is missing: run \`cargo build --release\` first, or \`make run\`" >&2
  exit 1
fi

work=$(mktemp -d)
started=()
finish() {
  trap - EXIT INT TERM
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait "${started[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 0' INT TERM

# A copy, so that the certificate's key never lies among the sources, and that you may edit it.
mkdir "$work/manifests"
cp "$here"/*.yaml "$work/manifests/"
"$headgate" certificate --secret quickstart/quickstart-certificate \
  --manifest "$work/manifests/certificate.json" --certificate "$work/certificate.pem" \
  localhost grpc.localhost

port=3001
for name in stable canary beta; do
  "$headgate" echo --listen 127.0.0.1:$port --name $name >"$work/$name.log" 2>&1 &
  started+=($!)
  port=$((port + 1))
done
"$headgate" run --manifests "$work/manifests" --admin $admin --pre-drain 0s \
  >"$work/access.log" 2>"$work/gateway.log" &
gateway=$!
started+=("$gateway")

ended() {
  echo "$1 ended; its last words:" >&2
  tail -n 5 "$2" >&2
  exit 1
}

# Ready, listening on both ports, and every object served: what `status` calls good.
for _ in $(seq 100); do
  if "$headgate" status --admin $admin >"$work/status" 2>&1; then break; fi
  kill -0 "$gateway" 2>/dev/null || ended "the gateway" "$work/gateway.log"
  sleep 0.1
done
index=0
for name in stable canary beta; do
  kill -0 "${started[$index]}" 2>/dev/null || ended "the backend $name" "$work/$name.log"
  index=$((index + 1))
done
"$headgate" status --admin $admin || {
  echo "not all is well; are ports 8080 and 8443 free?" >&2
  exit 1
}

cat <<TRY

Try:
  # one in ten goes to the canary
  for i in \$(seq 20); do curl -s http://localhost:8080/ | grep '"name"'; done
  # a header chooses the beta
  curl -s -H 'x-version: beta' http://localhost:8080/
  # HTTPS with HTTP/2
  curl -s --cacert $work/certificate.pem https://localhost:8443/
  # a streamed answer over h2c
  curl -sN --http2-prior-knowledge http://localhost:8080/stream/5
  # WebSocket
  websocat ws://localhost:8080/ws
  # gRPC
  grpcurl -plaintext -proto $here/echo.proto -authority grpc.localhost \\
    -d '{"text":["hi"]}' localhost:8080 headgate.echo.Echo/Unary

  # what is live
  $headgate routes
  $headgate endpoints
  curl -s http://$admin/metrics | grep headgate_requests_total
  tail -f $work/access.log

Change a file in $work/manifests and ask again: it is live at once.
Ctrl-C ends all of it.
TRY
wait "$gateway"
