"""`python -m cerebros` is the command `cerebros`."""

import sys

from cerebros.cli import main

sys.exit(main())
