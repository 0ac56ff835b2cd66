#!/usr/bin/env bash
# The fastest binary: built, loaded with what gateways do all day (benches/side_by_side --train),
# and built again with the profile of that. About a tenth less CPU for a request.
#
#   deploy/release.sh OUT        RUSTFLAGS are taken over, such as -C target-feature=+crt-static
set -euo pipefail
out=$(realpath -m "${1:?says where the binary goes}")
mkdir -p "$(dirname "$out")"
cd "$(dirname "$0")/.."
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/pgo
host=$(rustc -vV | sed -n 's/^host: //p')
profdata=$(rustc --print target-libdir)/../bin/llvm-profdata
mkdir -p "$work"

[[ -x $profdata ]] || rustup component add llvm-tools ||
    { echo "llvm-profdata of this compiler is missing: rustup component add llvm-tools" >&2; exit 1; }
benches/tools.sh load

# With a target, build scripts and macros stay as they are.
build() {
    RUSTFLAGS="${RUSTFLAGS:-} $1" CARGO_TARGET_DIR=$work \
        cargo build --release --locked --target "$host"
}

build -Cprofile-generate
raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT
LLVM_PROFILE_FILE=$raw/%p.profraw \
    python3 benches/side_by_side --train --headgate "$work/$host/release/headgate"
"$profdata" merge -o "$raw/profile" "$raw"/*.profraw
# Named after what is in it: cargo looks at flags, not into files.
profile=$work/$(sha256sum "$raw/profile" | cut -c1-16).profdata
rm -f "$work"/*.profdata
mv "$raw/profile" "$profile"
build "-Cprofile-use=$profile"
install "$work/$host/release/headgate" "$out"
