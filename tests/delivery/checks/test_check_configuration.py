"""scripts/check-configuration: what it names as missing, and where that fails."""

from pathlib import Path

import pytest

from delivery.checks.check_configuration import missing
from tests.delivery.in_process import run_here

URL = {"APP_URL": "https://staging.example.com"}
ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/myapp-staging-deploy"}
KEYS = {"AWS_ACCESS_KEY_ID": "true", "AWS_SECRET_ACCESS_KEY": "true"}
PRODUCTION_KEYS = {f"{name}_PROD": value for name, value in KEYS.items()}


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*URL, *ROLE, *KEYS, *PRODUCTION_KEYS, "STAGING", "DEPLOY_REQUIRED"):
        monkeypatch.delenv(name, raising=False)


def lacks(environment: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return "; ".join(missing(environment))


@pytest.mark.parametrize("credentials", [ROLE, KEYS])
def test_a_role_or_keys_are_enough(
    monkeypatch: pytest.MonkeyPatch, credentials: dict[str, str]
) -> None:
    assert lacks("staging", monkeypatch, **URL, **credentials) == ""


def test_a_missing_half_of_a_key_pair_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    half = KEYS | {"AWS_SECRET_ACCESS_KEY": "false"}
    assert lacks("staging", monkeypatch, **URL, **half) == "the secret AWS_SECRET_ACCESS_KEY"


def test_all_missing_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = lacks("production", monkeypatch)
    for name in ("AWS_ROLE_ARN", *PRODUCTION_KEYS, "APP_URL", "STAGING_URL"):
        assert name in text


def test_production_requires_its_own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "AWS_ACCESS_KEY_ID_PROD" in lacks("production", monkeypatch, **URL, **KEYS)


def test_an_address_without_a_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "begins with http" in lacks("staging", monkeypatch, **ROLE, APP_URL="example.com")


@pytest.mark.parametrize(("required", "code"), [("", 0), ("true", 1)])
def test_missing_values_skip_a_fork_and_fail_where_deploys_are_required(
    tmp_path: Path, required: str, code: int
) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = run_here("scripts/check-configuration", "staging", DEPLOY_REQUIRED=required, **files)
    assert done.returncode == code
    assert not (tmp_path / "GITHUB_OUTPUT").exists()
    page = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "variable APP_URL" in page
    assert all(f"scripts/{name}" in page for name in ("doctor", "configure-github"))
