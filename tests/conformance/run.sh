#!/usr/bin/env bash
# Runs the upstream Gateway API conformance suite against a headgate binary on a real API server,
# with the rights of deploy/kubernetes and no others, and writes the upstream report.
#
#   tests/conformance/run.sh [--tests A,B] [--headgate FILE] [more flags for `cluster conform`]
#
# The report: $CLUSTER_DIR/conformance-report.yaml. Without --tests, everything runs: the profiles
# GATEWAY-HTTP and GATEWAY-GRPC with every feature that the GatewayClass's status claims.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${CLUSTER_DIR:=$PWD/.cluster}"
export CLUSTER_DIR
headgate=${CARGO_TARGET_DIR:-target}/release/headgate
more=()
while (($#)); do
    case $1 in
    --headgate) headgate=$2; shift 2 ;;
    --tests) more+=(-tests "$2"); shift 2 ;;
    *) more+=("$1"); shift ;;
    esac
done
cluster=$CLUSTER_DIR/bin/cluster
headgate=$(realpath "$headgate")

"$cluster" up -detach -nodes 2
trap '"$cluster" down' EXIT
"$cluster" apply deploy/kubernetes/namespace.yaml deploy/kubernetes/rbac.yaml tests/conformance/access.yaml
"$cluster" kubeconfig -serviceaccount headgate-system/headgate >"$CLUSTER_DIR/headgate.kubeconfig"

version=$("$headgate" --version | awk '{ print $2 }')
# -keep: the suite's namespaces exist already, with the RoleBindings of access.yaml in them.
"$cluster" conform -keep -gateway "'$headgate' run --kubeconfig '$CLUSTER_DIR/headgate.kubeconfig' \
    --address-pool 10.97.0.0/24 --access-log off" \
    -profiles GATEWAY-HTTP,GATEWAY-GRPC -report "$CLUSTER_DIR/conformance-report.yaml" \
    -results "$CLUSTER_DIR/conformance-results.json" "${more[@]}" \
    -- --organization=headgate --project=headgate --url=https://github.com/headgate/headgate \
    "--version=$version" --contact=https://github.com/headgate/headgate/issues \
    --usable-address=10.97.0.240 --unusable-address=192.0.2.1
