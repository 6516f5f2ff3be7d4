"""Fixtures of several tests of the delivery."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from delivery import paths
from delivery.doctor import database_authority, doctor_aws, doctor_github
from delivery.environments import DEPLOYED_BY, SOURCES
from delivery.http_client import Answer
from delivery.paths import INFRA, WORKFLOWS
from tests.delivery.fake_staging import ACCOUNT, SUBJECT, Staging
from tests.delivery.github_api import Api, Unreachable, document


@pytest.fixture(autouse=True)
def known_environments(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    """Hide the environments that a fork added: the tests have staging and production only."""
    if not (added := SOURCES.keys() - {"staging", "production"}):
        return
    hidden = shutil.ignore_patterns(*(DEPLOYED_BY[name] for name in added))
    workflows = tmp_path_factory.mktemp("github") / "workflows"
    shutil.copytree(WORKFLOWS, workflows, ignore=hidden)
    monkeypatch.setattr(paths, "WORKFLOWS", workflows)
    for name in added:
        monkeypatch.delitem(SOURCES, name)


@pytest.fixture(scope="session")
def github_document(pytestconfig: pytest.Config) -> Any:
    """The description of GitHub's API, or the reason why there is none."""
    cache = getattr(pytestconfig, "cache", None)
    if not cache:
        return "pytest has no cache to keep it in"
    try:
        return document(cache.mkdir("github-api"))
    except Unreachable as reason:
        return str(reason)


@pytest.fixture(scope="session")
def api(github_document: Any) -> Api | None:
    """The check of calls to the fake GitHub, or None without the description."""
    return None if isinstance(github_document, str) else Api(github_document)


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staging:
    """A fake AWS, and parameters with a domain and a role."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "parameters").mkdir()
    for template in ("monitoring", "alarms"):
        (tmp_path / f"{template}.yaml").symlink_to(INFRA / f"{template}.yaml")
    for name in ("staging", "production"):
        content = json.loads((INFRA / "parameters" / f"{name}.json").read_text())
        content["parameters"] |= {
            "GitHubSubject": SUBJECT,
            "DomainName": "staging.example.com",
            "CertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1",
        }
        (tmp_path / "parameters" / f"{name}.json").write_text(json.dumps(content))
    for module in (doctor_aws, doctor_github):
        monkeypatch.setattr(module, "INFRA", tmp_path)
    found = Staging()
    monkeypatch.setattr(database_authority, "ask", lambda url: Answer(200, found.bundle))
    return found
