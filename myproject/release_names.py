"""Rules for the names of a release, shared by the settings and the table of releases."""

import re

# One word of printable ASCII, and not the settings' default for an unknown version.
WORD = re.compile(r"(?!unknown\Z)[!-~]*")
LONGEST_VERSION = 128
LONGEST_COMMIT = LONGEST_ENVIRONMENT = 64
