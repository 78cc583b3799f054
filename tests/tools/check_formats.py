"""Reads what `scan` wrote for other tools with code of those tools, and fails where it is refused.

Usage: check_formats.py FOLDER; it holds out.ocsf and out.navigator.
"""
import json
import sys
from pathlib import Path

from mitreattack.navlayers.core.layer import Layer
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

folder = Path(sys.argv[1])
findings = (folder / "out.ocsf").read_text().splitlines()
for line in findings:
    DetectionFinding.model_validate(json.loads(line))
layer = Layer()
layer.from_file(str(folder / "out.navigator"))
print(json.dumps({"ocsf": len(findings), "techniques": len(layer.layer.techniques)}))
