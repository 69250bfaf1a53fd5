#!/usr/bin/env python3
"""Makes sweep/kubernetes/testdata/jobset.schema.json from the published definition of JobSet.

    git clone https://github.com/kubernetes-sigs/jobset
    scripts/jobset_schema.py jobset/config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml COMMIT > sweep/kubernetes/testdata/jobset.schema.json

Keeps names, types, enumerations, patterns, bounds and required fields of version v1alpha2. Removes descriptions, and
the content of those parts of a pod that our manifests do not use: any value is valid there. Needs PyYAML.
"""
import json
import sys

import yaml

KEPT = {"type", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "format",
        "x-kubernetes-int-or-string"}
# Parts of a pod whose insides are kept; of all others the name is.
POD = {"containers", "restartPolicy", "terminationGracePeriodSeconds", "nodeSelector", "volumes", "serviceAccountName", "priorityClassName"}
CONTAINER = {"name", "image", "command", "args", "workingDir", "resources", "volumeMounts", "env"}
VOLUME = {"name", "persistentVolumeClaim"}


def reduced(schema, keep=None):
    out = {k: v for k, v in schema.items() if k in KEPT}
    if "properties" in schema:
        out["properties"] = {k: inside(k, v, keep) for k, v in sorted(schema["properties"].items())}
    if "items" in schema:
        out["items"] = reduced(schema["items"], keep)
    if isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = reduced(schema["additionalProperties"])
    return out


def inside(name, schema, keep):
    if keep is not None and name not in keep:
        return {}
    if name == "containers":
        return reduced(schema, CONTAINER)
    if name == "volumes":
        return reduced(schema, VOLUME)
    if "containers" in schema.get("properties", {}):
        return reduced(schema, POD)
    return reduced(schema)


def main():
    definition, commit = sys.argv[1:]
    with open(definition) as f:
        crd = yaml.safe_load(f)
    version = next(v for v in crd["spec"]["versions"] if v["name"] == "v1alpha2")
    schema = reduced(version["schema"]["openAPIV3Schema"])
    schema["properties"].pop("status", None)
    schema["source"] = f"github.com/kubernetes-sigs/jobset at {commit}, {definition.split('jobset/', 1)[-1]}, by scripts/jobset_schema.py"
    json.dump(schema, sys.stdout, indent=1)
    print()


main()
