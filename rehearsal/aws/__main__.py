"""Run ministack with the additions: python -m rehearsal.aws, inside its container."""

from __future__ import annotations

import os
import sys

from rehearsal.aws import patches, settings


def main() -> None:
    try:
        patches.check_version()
        # ministack reads the environment while it is imported, so the defaults come first.
        defaults = {"MINISTACK_ACCOUNT_ID": "123456789012", "DOCKER_NETWORK": "rehearsal"}
        for name, value in {**defaults, "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}.items():
            os.environ.setdefault(name, value)
        os.environ.update(settings.ADMINISTRATOR, AUTH="true")
        from rehearsal.aws import install

        install.install()
    except patches.Refusal as refusal:
        sys.exit(f"rehearsal.aws: {refusal}")
    install.serve()


if __name__ == "__main__":
    main()
