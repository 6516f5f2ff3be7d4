"""Paths of this repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INFRA = ROOT / "infra"
WORKFLOWS = ROOT / ".github" / "workflows"
