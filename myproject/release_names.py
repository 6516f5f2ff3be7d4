"""What a release may be called, as the settings check it and the table keeps it."""

import re

# One word of printable ASCII, and not what the settings say when nobody told them.
WORD = re.compile(r"(?!unknown\Z)[!-~]*")
LONGEST_VERSION = 128
LONGEST_COMMIT = LONGEST_ENVIRONMENT = 64
