"""GitHub's description of its API, and checks of calls against it."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# MIT-licensed, 29 MB, published with each change of the API; the hash is that of the one member.
PACKAGE, VERSION = "@octokit/openapi", "23.0.2"
MEMBER = "package/generated/api.github.com.json"
SHA256 = "829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a"
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


class Unreachable(Exception):
    """The description is unavailable; the message gives the reason."""


def document(cache: Path) -> Any:
    """Return the description, from the cache or fetched by npm."""
    file = cache / f"github-{VERSION}.json"
    if not file.exists():
        with tempfile.TemporaryDirectory() as folder:
            fetch(Path(folder), file)
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        file.unlink()
        raise Unreachable(f"{PACKAGE} {VERSION} is not what was pinned")
    return json.loads(content)


def fetch(folder: Path, file: Path) -> None:
    command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--fetch-retries=0"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"npm could not fetch {PACKAGE}: {error}") from None
    if done.returncode:
        raise Unreachable(f"npm could not fetch {PACKAGE}: {' '.join(done.stderr.split())[:200]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile(MEMBER)
        assert member
        file.write_bytes(member.read())


class Api:
    """The documented API: only its paths, methods, fields and values are valid."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.paths = {
            template: re.compile(re.sub(r"\{\w+\}", "[^/]+", template) + "$")
            for template in document["paths"]
        }

    def request(self, method: str, url: str, body: Any) -> list[str]:
        """Return the problems of a request."""
        operation, parts = self.operation(method, url), urlsplit(url)
        if not operation:
            return [f"{method} {parts.path}: no such operation"]
        found = []
        parameters = [self.resolve(parameter) for parameter in operation.get("parameters", [])]
        known = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
        for name, value in parse_qsl(parts.query):
            if name not in known:
                found.append(f"?{name}: no such parameter")
            elif value not in known[name].get("enum", [value]):
                found.append(f"?{name}: {value} is none of its values")
        content = operation.get("requestBody", {}).get("content", {})
        if body is not None and not content:
            return [*found, "a body, where there is none"]
        if content and (body is not None or operation["requestBody"].get("required")):
            schema = content["application/json"]["schema"]
            found += self.problems(schema, body, "body", whole=True)
        return found

    def answer(self, method: str, url: str, status: int, body: Any) -> list[str]:
        """Return what an answer has that GitHub's would not have."""
        operation = self.operation(method, url) or {"responses": {}}
        documented = operation["responses"].get(str(status))
        if documented is None:
            # Not every refusal is documented with each operation.
            return [] if status >= 400 else [f"{method} {url}: no answer {status}"]
        content = self.resolve(documented).get("content", {})
        if status >= 400 or not content:
            return []
        return self.problems(content["application/json"]["schema"], body, "answer", whole=False)

    def operation(self, method: str, url: str) -> Any:
        path = urlsplit(url).path
        matches = [t for t, pattern in self.paths.items() if pattern.match(path)]
        # The one with most words of its own: /user is no /{name}.
        best = min(matches, key=lambda template: template.count("{"), default="")
        return self.document["paths"][best].get(method.lower()) if best else None

    @functools.cache  # noqa: B019 - one description for a run of tests
    def _at(self, reference: str) -> Any:
        return functools.reduce(
            lambda node, key: node[key], reference[2:].split("/"), self.document
        )

    def resolve(self, node: Any) -> Any:
        while "$ref" in node:
            node = self._at(node["$ref"])
        return node

    def merged(self, first: Any, second: Any) -> Any:
        """Return a schema that requires both schemas."""
        second = self.resolve(second)
        for part in second.get("allOf", []):
            second = self.merged({k: v for k, v in second.items() if k != "allOf"}, part)
        both = {**first, **second}
        both["required"] = [*first.get("required", []), *second.get("required", [])]
        if "properties" in first or "properties" in second:
            both["properties"] = {**first.get("properties", {}), **second.get("properties", {})}
        return both

    def problems(self, schema: Any, value: Any, at: str, *, whole: bool) -> list[str]:
        schema = self.merged({}, schema)
        for word in ("oneOf", "anyOf"):
            if alternatives := schema.pop(word, None):
                each = [self.merged(schema, one) for one in alternatives]
                found = [self.problems(one, value, at, whole=whole) for one in each]
                return min(found, key=len)
        if value is None:
            return [] if schema.get("nullable") else [f"{at}: null"]
        wanted = schema.get("type")
        is_other = isinstance(value, bool) and wanted in ("integer", "number")
        if wanted and (is_other or not isinstance(value, TYPES[wanted])):
            return [f"{at}: {value!r} is no {wanted}"]
        if value not in schema.get("enum", [value]):
            return [f"{at}: {value!r} is none of {schema['enum']}"]
        found = []
        if isinstance(value, list):
            for item in value:
                found.append(self.problems(schema.get("items", {}), item, f"{at}[]", whole=whole))
        if isinstance(value, dict) and "properties" in schema:
            known = schema["properties"]
            unknown = value.keys() - known if not schema.get("additionalProperties") else set()
            missing = set(schema["required"]) - value.keys() if whole else set()
            found.append([f"{at}.{name}: no such field" for name in sorted(unknown)])
            found.append([f"{at}.{name}: missing" for name in sorted(missing)])
            for name in sorted(value.keys() & known.keys()):
                found.append(self.problems(known[name], value[name], f"{at}.{name}", whole=whole))
        return [problem for problems in found for problem in problems]
