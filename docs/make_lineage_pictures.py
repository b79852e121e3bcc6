"""Makes the pictures of docs/lineage.md anew: what the browser test of `materia ui` sees on its way.

python docs/make_lineage_pictures.py
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    environment = os.environ | {"MATERIA_PICTURES": str(ROOT / "docs"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "tests/cli/test_ui.py"]
    sys.exit(subprocess.call(command, cwd=ROOT, env=environment))  # noqa: S603 - our own interpreter
