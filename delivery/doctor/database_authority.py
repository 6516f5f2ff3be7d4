"""Check that the image trusts the certificates that RDS publishes, and no others."""

from __future__ import annotations

import re

from delivery.doctor.findings import MISSING, OK, WRONG, Finding, Findings
from delivery.errors import Failure
from delivery.http_client import ask
from delivery.paths import ROOT

FILE = "myproject/certificates/rds.pem"
STORE = "https://truststore.pki.rds.amazonaws.com"
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str) -> set[str]:
    """Return the certificates of a PEM file, each without its line breaks."""
    return {"".join(body.split()) for body in CERTIFICATE.findall(text)}


def published(region: str) -> set[str]:
    """Return what RDS publishes for a region."""
    url = f"{STORE}/{region}/{region}-bundle.pem"
    answer = ask(url)
    found = certificates(answer.body.decode("ascii", "replace"))
    if answer.status != 200 or not found:
        raise Failure(f"{url}: status {answer.status}, and {len(found)} certificates")
    return found


def trusted(region: str) -> Findings:
    ours = certificates((ROOT / FILE).read_text())
    if ours & published(region):
        yield Finding(OK, f"{FILE} has the certificates of RDS for {region}")
    else:
        add = f"add the RSA2048 certificate of {STORE}/{region}/{region}-bundle.pem"
        yield Finding(MISSING, f"{FILE} has no certificate of RDS for {region}", add)
    if others := len(ours - published("global")):
        what = f"{FILE} has {others} certificates that RDS does not publish"
        yield Finding(WRONG, what, "remove them, or find out who added them")
