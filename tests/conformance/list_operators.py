"""Writes operators.tsv: every operator of the standard and of com.microsoft with its versions.

Run it with the tests' Python when onnx or onnxruntime is updated:
  .venv/bin/python tests/conformance/list_operators.py > tests/conformance/operators.tsv
A version with a trailing d is one that says: deprecated.
"""
from collections import defaultdict

import onnx.defs
from onnxruntime.capi import onnxruntime_pybind11_state as runtime


def main():
    versions = defaultdict(dict)
    for schema in onnx.defs.get_all_schemas_with_history():
        versions[schema.domain, schema.name][schema.since_version] = schema.deprecated
    for schema in runtime.get_all_operator_schema():
        if schema.domain == "com.microsoft":
            versions[schema.domain, schema.name][schema.since_version] = schema.deprecated
    for (domain, name), found in sorted(versions.items()):
        told = " ".join(f"{v}{'d' if old else ''}" for v, old in sorted(found.items()))
        print(f"{domain or 'ai.onnx'}\t{name}\t{told}")


if __name__ == "__main__":
    main()
