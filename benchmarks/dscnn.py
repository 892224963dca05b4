"""DS-CNN on spoken keywords: its row of the table of accuracies."""

from __future__ import annotations

import sys

from benchmarks.accuracy_row import main

if __name__ == "__main__":
    sys.exit(main("dscnn"))
