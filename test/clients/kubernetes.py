"""Checks lists of objects, by name, against the schemas of Kubernetes: python kubernetes.py VERSION CUSTOM_RESOURCES < lists.json; prints one line a fault."""
import json
import sys

import jsonschema
import kubernetes_validate

version, custom_path = sys.argv[1:]
with open(custom_path, encoding="utf-8") as file:
    custom = json.load(file)


def faults(thing):
    schema = custom.get(thing["kind"])
    if schema is None:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path))}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"no schema: {error}"
        return
    for error in jsonschema.Draft7Validator(schema).iter_errors(thing):
        yield f"{'.'.join(map(str, error.path))}: {error.message}"
    if thing["kind"].endswith("ServingRuntime"):
        pod = {key: thing["spec"][key] for key in ("containers", "volumes", "nodeSelector", "tolerations") if key in thing["spec"]}
        yield from faults({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod})


for name, things in json.load(sys.stdin).items():
    for thing in things:
        for fault in faults(thing):
            print(f"{name}: {thing['kind']}/{thing['metadata']['name']}: {fault}")
