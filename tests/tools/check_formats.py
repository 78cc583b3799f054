"""Reads what Portcullis wrote for other tools with code of those tools, and fails where it is refused.

Usage: check_formats.py FOLDER; it holds out.ocsf, out.navigator, out.timesketch and out.timesketch-csv, or remediation.jsonl.
"""
import hashlib
import json
import sys
from pathlib import Path

import jsonschema
from mitreattack.navlayers.core.layer import Layer
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from timesketch.lib.utils import read_and_validate_csv, read_and_validate_jsonl

folder = Path(sys.argv[1])


def lines(name):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def valid(events, class_name, version):
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version)).get_class_schema(class_name)
    validator = jsonschema.validators.validator_for(schema)(schema)
    for event in events:
        validator.validate(event)


def chained(events):
    """Holds every event to its digest and to the one before, and gives them without their attestations."""
    bare, before = [], None
    for event in events:
        digest = event["attestation_list"][0].pop("fingerprint")["value"]
        # Canonical JSON (RFC 8785), as far as these events go: no fractions, and keys in ASCII.
        canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(canonical.encode()).hexdigest() == digest, event
        previous = event.pop("attestation_list")[0].get("prev_event")
        assert (previous and (previous["uid"], previous["fingerprint"]["value"])) == before, event
        before = (event["metadata"]["uid"], digest)
        assert event["metadata"].pop("profiles") == ["record_integrity"]
        # The draft has no published schema: what is not of it is held to the last one that is.
        event["metadata"]["version"] = "1.8.0"
        bare.append(event)
    return bare


told = {}
if (folder / "remediation.jsonl").exists():
    steps = chained(lines("remediation.jsonl"))
    valid(steps, "remediation_activity", "1.8.0")
    told["remediation"] = len(steps)
if (folder / "out.ocsf").exists():
    findings = lines("out.ocsf")
    for finding in findings:
        DetectionFinding.model_validate(finding)
    valid(findings, "detection_finding", "1.5.0")
    told["ocsf"] = len(findings)
    integrity = chained(lines("out.ocsf-integrity"))
    valid(integrity, "detection_finding", "1.8.0")
    told["ocsf_integrity"] = len(integrity)
    layer = Layer()
    layer.from_file(str(folder / "out.navigator"))
    told["techniques"] = len(layer.layer.techniques)
    with open(folder / "out.timesketch-csv", "rb") as table:
        told["timesketch_csv"] = len(list(read_and_validate_csv(table)))
    with open(folder / "out.timesketch", "rb") as table:
        told["timesketch"] = len(list(read_and_validate_jsonl(table)))
print(json.dumps(told))
