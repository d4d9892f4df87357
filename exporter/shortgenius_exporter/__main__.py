"""``python -m shortgenius_exporter``."""

import sys

from shortgenius_exporter.cli import main

sys.exit(main())
