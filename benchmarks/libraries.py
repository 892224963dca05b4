"""Where benchmarks find the Liberty files of the technologies that are known."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["FOLDERS", "PDK"]

PDK = Path(os.environ.get("PANN_HW_PDK", Path(__file__).parent.parent.parent / "shared" / "pdk"))
"""Where Liberty files are looked for: PANN_HW_PDK, or beside the checkout."""

FOLDERS = {"sky130": "sky130hd", "sg13g2": "sg13g2", "asap7": "asap7"}
"""Technology -> folder there."""
