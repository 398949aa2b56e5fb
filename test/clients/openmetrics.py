"""Reads /metrics with Prometheus's own strict parser of OpenMetrics and prints its exemplars as JSON: python openmetrics.py URL"""

import json
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

request = urllib.request.Request(sys.argv[1], headers={"Accept": "application/openmetrics-text; version=1.0.0"})
with urllib.request.urlopen(request) as response:
    assert response.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = list(text_string_to_metric_families(response.read().decode()))
names = {family.name for family in families}
assert {"nestor_rejected", "nestor_request_duration_seconds"} <= names, names
samples = [sample for family in families for sample in family.samples if sample.exemplar]
print(json.dumps([{"name": each.name, "labels": each.labels, "trace": each.exemplar.labels["trace_id"]} for each in samples]))
