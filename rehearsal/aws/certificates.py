"""RDS's certificate authority: it signs a certificate for each database, for its endpoint's name.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
RDS keeps its private keys secret, so the local AWS creates an authority of its own at the start.
"""

from __future__ import annotations

import functools
import io
import tarfile
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

FOLDER = "etc/rds"
DAYS = 365


@functools.cache
def authority() -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    key = generate_private_key(SECP256R1())
    name = named("Rehearsal of Amazon RDS Root CA")
    unsigned = begin(name, name, key).add_extension(x509.BasicConstraints(True, None), True)
    return unsigned.sign(key, hashes.SHA256()), key


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def begin(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    start, end = now - timedelta(days=1), now + timedelta(days=DAYS)
    return builder.not_valid_before(start).not_valid_after(end)


def authority_pem() -> str:
    return authority()[0].public_bytes(Encoding.PEM).decode()


def server_files(host: str) -> bytes:
    """Return an archive with a key and a certificate for a host, and the authority's own."""
    signer, signing_key = authority()
    key = generate_private_key(SECP256R1())
    # A common name has at most 64 characters; clients check the other name.
    unsigned = begin(named(host[:64]), signer.subject, key).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(host)]), False
    )
    signed = unsigned.sign(signing_key, hashes.SHA256())
    files = {
        "ca.pem": signer.public_bytes(Encoding.PEM),
        "server.pem": signed.public_bytes(Encoding.PEM),
        "server.key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
