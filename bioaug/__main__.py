"""`python -m bioaug`, the same as the command `bioaug`."""

import sys

from bioaug.cli import main

if __name__ == "__main__":
    sys.exit(main())
