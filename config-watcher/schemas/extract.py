#!/usr/bin/env python3
"""Makes the schemas in this folder; run again when the Gateway API or Kubernetes version moves.

    go mod download sigs.k8s.io/gateway-api@v1.7.0 k8s.io/kubernetes@v1.36.3
    python3 extract.py        # needs PyYAML; the modules are found through `go env GOMODCACHE`

Gateway API kinds come whole from the experimental channel's CRDs, ours from deploy/kubernetes/crds,
with every version that is served; descriptions and the status are left out. Core kinds come from Kubernetes' OpenAPI
documents, which hold shapes only: what the API server checks and fills in by Go code stands below
as REFINEMENTS, as far as it concerns a gateway.
"""
import json
import pathlib
import subprocess

import yaml

GATEWAY_API = "sigs.k8s.io/gateway-api@v1.7.0"
KUBERNETES = "k8s.io/kubernetes@v1.36.3"
HERE = pathlib.Path(__file__).parent
OURS = HERE.parent.parent / "deploy/kubernetes/crds"
EXAMPLES = HERE.parent / "testdata/manifests"

GATEWAY_KINDS = [
    "gatewayclasses", "gateways", "listenersets", "httproutes", "grpcroutes", "referencegrants",
    "backendtlspolicies",
]
OUR_KINDS = ["backendlifecyclepolicies"]
CORE_KINDS = {
    "Namespace": ("api__v1", "io.k8s.api.core.v1.Namespace"),
    "Service": ("api__v1", "io.k8s.api.core.v1.Service"),
    "EndpointSlice": ("apis__discovery.k8s.io__v1", "io.k8s.api.discovery.v1.EndpointSlice"),
    "Secret": ("api__v1", "io.k8s.api.core.v1.Secret"),
    "ConfigMap": ("api__v1", "io.k8s.api.core.v1.ConfigMap"),
}
META = ("api__v1", "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
CLUSTER_SCOPED = {"Namespace", "GatewayClass"}
NAMES = {"Namespace": "label", "Service": "label"}  # all others: subdomain

LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
SUBDOMAIN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_VALUE = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
QUALIFIED_KEYS = {
    "rule": "self.all(key, key.matches(r'^([a-z0-9]([-a-z0-9]*[a-z0-9])?"
    "(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$'))",
    "message": "keys must be qualified names such as app or example.com/app",
}
DATA_KEYS = {
    "rule": "self.all(key, key.size() <= 253 && key.matches('^[-._a-zA-Z0-9]+$'))",
    "message": "keys must consist of letters, digits, '-', '_' and '.'",
}
PORT = {"minimum": 1, "maximum": 65535}
PROTOCOL = {"enum": ["TCP", "UDP", "SCTP"], "default": "TCP"}
PORT_NAMES = {
    "rule": "self.size() < 2 || self.all(p, has(p.name) && p.name != '')",
    "message": "every port must have a name of its own where there are several",
}

# Path in the kind's schema ('[]' items, '{}' values of a map) -> keywords to add.
REFINEMENTS = {
    "metadata": {
        "name": {"maxLength": 253},
        "namespace": {"maxLength": 63, "pattern": LABEL},
        "generation": {"minimum": 0},
        "labels": {"x-kubernetes-validations": [QUALIFIED_KEYS]},
        "labels{}": {"maxLength": 63, "pattern": LABEL_VALUE},
        "annotations": {"x-kubernetes-validations": [QUALIFIED_KEYS]},
    },
    "Namespace": {},
    "Service": {
        "": {"required": ["spec"]},
        "spec": {"x-kubernetes-validations": [{
            "rule": "has(self.ports) && self.ports.size() > 0 || self.type == 'ExternalName'"
            " || has(self.clusterIP) && self.clusterIP == 'None'",
            "message": "ports must have at least one item",
        }, {
            "rule": "self.type != 'ExternalName' || has(self.externalName)",
            "message": "externalName must be set for type ExternalName",
        }]},
        "spec.type": {
            "enum": ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
            "default": "ClusterIP",
        },
        "spec.selector": {"x-kubernetes-validations": [QUALIFIED_KEYS]},
        "spec.selector{}": {"maxLength": 63, "pattern": LABEL_VALUE},
        "spec.externalName": {"maxLength": 253, "pattern": SUBDOMAIN},
        # Names are unique as well, which a rule could only tell in quadratic time.
        "spec.ports": {"x-kubernetes-validations": [PORT_NAMES], "x-headgate-unique": ["name"]},
        "spec.ports[].port": PORT,
        # An IANA service name: single hyphens, and a letter somewhere.
        "spec.ports[].targetPort": PORT | {
            "maxLength": 15, "pattern": "^([0-9]+-)*[0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        },
        "spec.ports[].protocol": PROTOCOL,
        "spec.ports[].name": {"maxLength": 63, "pattern": LABEL},
    },
    # Loopback addresses, which an API server refuses, are what a laptop's folder is made of.
    "EndpointSlice": {
        "": {"x-kubernetes-validations": [{
            "rule": "!has(self.endpoints) || self.addressType == 'FQDN' || self.endpoints.all(e,"
            " e.addresses.all(a, isIP(a) && a.contains(':') == (self.addressType == 'IPv6')))",
            "message": "every address must be an IP address of the slice's addressType",
        }]},
        "addressType": {"enum": ["IPv4", "IPv6", "FQDN"]},
        "endpoints": {"maxItems": 1000},
        "endpoints[].addresses": {"minItems": 1, "maxItems": 100},
        "endpoints[].hostname": {"maxLength": 63, "pattern": LABEL},
        "ports": {
            "maxItems": 20000,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        "ports[].port": PORT,
        "ports[].protocol": PROTOCOL,
        "ports[].name": {
            "default": "",
            "maxLength": 63,
            "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$",
        },
    },
    "Secret": {
        "": {"x-kubernetes-validations": [{
            "rule": "self.type != 'kubernetes.io/tls' || ['tls.crt', 'tls.key'].all(k,"
            " has(self.data) && k in self.data || has(self.stringData) && k in self.stringData)",
            "message": "a Secret of type kubernetes.io/tls must have data tls.crt and tls.key",
        }]},
        "type": {"default": "Opaque"},
        "data": {"x-kubernetes-validations": [DATA_KEYS]},
        "stringData": {"x-kubernetes-validations": [DATA_KEYS]},
    },
    "ConfigMap": {
        "data": {"x-kubernetes-validations": [DATA_KEYS]},
        "binaryData": {"x-kubernetes-validations": [DATA_KEYS]},
    },
}


def plain(schema):
    """The schema without what only documents it."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    drop = {"description", "x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key",
            "x-kubernetes-group-version-kind", "x-kubernetes-map-type"}
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: plain(child) for name, child in value.items()}
        elif key in ("default", "enum"):
            out[key] = value
        elif key not in drop:
            out[key] = plain(value)
    return out


def body(schema):
    """Only what the kind itself defines: type, metadata and status are dealt with elsewhere."""
    for name in ("apiVersion", "kind", "metadata", "status"):
        schema["properties"].pop(name, None)
    schema["required"] = [n for n in schema.get("required", []) if n in schema["properties"]]
    return schema


def custom_kind(path, plural):
    crd = yaml.safe_load(path.read_text())["spec"]
    served = [version for version in crd["versions"] if version["served"]]
    schemas = [body(plain(version["schema"]["openAPIV3Schema"])) for version in served]
    assert all(schema == schemas[0] for schema in schemas), f"versions of {plural} differ"
    return crd["names"]["kind"], {
        "group": crd["group"],
        "versions": [version["name"] for version in served],
        "namespaced": crd["scope"] == "Namespaced",
        "name": "subdomain",
        "schema": schemas[0],
    }


def resolved(schema, components):
    """The schema with references put in place; one `allOf` of one reference is that reference."""
    if isinstance(schema, list):
        return [resolved(item, components) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        if name.endswith("IntOrString"):
            return {"x-kubernetes-int-or-string": True}
        return resolved(components[name], components)
    schema = {key: resolved(value, components) for key, value in schema.items()}
    if len(schema.get("allOf", [])) == 1:
        schema |= schema.pop("allOf")[0]
    # Zero values of Go structs are no defaults that a user would see.
    if schema.get("default") in ("", 0, {}):
        del schema["default"]
    return schema


def refine(schema, refinements):
    for path, keywords in refinements.items():
        node = schema
        for step in path.replace("[]", ".[]").replace("{}", ".{}").split("."):
            if step == "[]":
                node = node["items"]
            elif step == "{}":
                node = node["additionalProperties"]
            elif step:
                node = node["properties"][step]
        node |= keywords
    return schema


def core_schema(cache, place):
    path = cache / KUBERNETES / "api/openapi-spec/v3" / f"{place[0]}_openapi.json"
    components = json.loads(path.read_text())["components"]["schemas"]
    return plain(resolved(components[place[1]], components))


def core_kind(cache, kind):
    group = "discovery.k8s.io" if kind == "EndpointSlice" else ""
    return kind, {
        "group": group,
        "versions": ["v1"],
        "namespaced": kind not in CLUSTER_SCOPED,
        "name": NAMES.get(kind, "subdomain"),
        "schema": refine(body(core_schema(cache, CORE_KINDS[kind])), REFINEMENTS[kind]),
    }


def examples(cache, folder, kinds):
    """The documents of our kinds under a folder of the module, as one file."""
    documents = []
    for path in sorted((cache / GATEWAY_API / folder).rglob("*.yaml")):
        place = path.relative_to(cache / GATEWAY_API)
        for text in path.read_text().split("\n---\n"):
            document = yaml.safe_load(text)
            if document and document["kind"] in kinds:
                documents.append(f"# {place}\n{text.strip().removeprefix('---').strip()}\n")
    return "---\n".join(documents)


def main():
    cache = pathlib.Path(subprocess.check_output(["go", "env", "GOMODCACHE"], text=True).strip())
    crds = cache / GATEWAY_API / "config/crd/experimental"
    theirs = [(crds / f"gateway.networking.k8s.io_{plural}.yaml", plural) for plural in GATEWAY_KINDS]
    ours = [(OURS / f"{plural}.yaml", plural) for plural in OUR_KINDS]
    kinds = dict(custom_kind(path, plural) for path, plural in theirs + ours)
    kinds |= dict(core_kind(cache, kind) for kind in CORE_KINDS)
    kinds["metadata"] = refine(core_schema(cache, META), REFINEMENTS["metadata"])
    for kind, content in kinds.items():
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        (HERE / f"{kind.lower()}.json").write_text(text + "\n")
    valid, invalid = "upstream-valid.in.yaml", "upstream-invalid.in.yaml"
    (EXAMPLES / valid).write_text(examples(cache, "examples", kinds))
    (EXAMPLES / invalid).write_text(examples(cache, "hack/invalid-examples", kinds))


if __name__ == "__main__":
    main()
