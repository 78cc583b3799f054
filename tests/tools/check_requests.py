"""Holds recorded requests to what the vendors publish of their calls (OpenAPI).

Usage: check_requests.py REQUESTS FOLDER; REQUESTS has one a line: {"service", "method", "path", "query", "content_type", "body"};
FOLDER has the documents: mixpanel/, okta.json, msgraph.json, onelogin.yaml, pingone.yaml, looker.json.

Prints {"valid": {service: number}, "invalid": ["service METHOD /template: why"], "unknown": ["service METHOD /path"]}: a request that
no document has a path for is unknown.
"""
import json
import re
import sys
from collections import Counter
from pathlib import Path

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

HOST = "http://vendor.example"
DOCUMENTS = {
    "mixpanel": "mixpanel/*.yaml", "okta": "okta.json", "entra": "msgraph.json", "onelogin": "onelogin.yaml",
    "pingone": "pingone.yaml", "looker": "looker.json",
}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads a bare `=` as text, and dates as text, which JSON has none of."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)
Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


class Request:
    """A recorded request as openapi-core takes it."""

    def __init__(self, recorded):
        self.host_url, self.path, self.method = HOST, recorded["path"], recorded["method"].lower()
        self.full_url_pattern = HOST + self.path
        self.content_type = recorded["content_type"] or "application/json"
        self.body = recorded["body"].encode() or None
        query = [tuple(pair) for pair in recorded["query"]]
        headers = Headers({"Content-Type": self.content_type})
        self.parameters = RequestParameters(query=ImmutableMultiDict(query), header=headers, cookie=ImmutableMultiDict())


def base_of(document):
    """The path at which the vendor's server begins."""
    server = document.get("servers", [{"url": ""}])[0]["url"]
    return re.sub(r"^[^/]*//[^/]*", "", server).rstrip("/")


def templates(document, base):
    for template, operations in document["paths"].items():
        # The more that is fixed, the better it fits.
        pattern = re.compile(re.escape(base) + re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(template)) + "/?$")
        yield pattern, template, {name.upper() for name in operations}


def prepare(path):
    document = yaml.load(path.read_text(), Loader=Loader)
    base = base_of(document)
    # Credentials are not what is tried here.
    document.pop("security", None)
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    document["servers"] = [{"url": HOST + base}]
    return {"base": base, "document": document, "api": None, "file": path.name}


def find(documents, request):
    found = [
        (template, each) for each in documents for pattern, template, methods in templates(each["document"], each["base"])
        if request["method"] in methods and pattern.match(request["path"])
    ]
    return min(found, key=lambda one: one[0].count("{")) if found else None


def only(document, template):
    """The document with this path alone: some have faults elsewhere, and large ones take long."""
    return {**document, "paths": {template: document["paths"][template]}}


def main(requests, folder):
    valid, invalid, unknown = Counter(), set(), set()
    loaded, apis = {}, {}
    for line in Path(requests).read_text().splitlines():
        request = json.loads(line)
        service = request["service"]
        if service not in DOCUMENTS:
            continue
        if service not in loaded:
            loaded[service] = [prepare(path) for path in sorted(Path(folder).glob(DOCUMENTS[service]))]
        match = find(loaded[service], request)
        if match is None:
            unknown.add(f"{service} {request['method']} {request['path']}")
            continue
        template, each = match
        key = (service, each["file"], template)
        if key not in apis:
            # The documents have faults of their own, such as patterns that no other language reads.
            config = Config(spec_validator_cls=None)
            apis[key] = OpenAPI.from_dict(only(each["document"], template), config=config)
        # A slash at the end is the vendor's habit, not the document's.
        request["path"] = request["path"].rstrip("/")
        try:
            apis[key].validate_request(Request(request))
            valid[service] += 1
        except Exception as error:
            why = error.__cause__ or error
            invalid.add(f"{service} {request['method']} {template}: {type(why).__name__}: {why}"[:400])
    print(json.dumps({"valid": valid, "invalid": sorted(invalid), "unknown": sorted(unknown)}))


main(*sys.argv[1:])
