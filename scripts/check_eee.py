"""Export committed records to Every Eval Ever and let its own validator look at them. Needs the network.

python scripts/check_eee.py --python /path/to/python3.12

The validator needs Python 3.12 and older packages (huggingface_hub below 2, rich below 15) than those pinned here, so
it has an environment of its own. Tests hold the export to its JSON Schemas, which lie in tests/publish/every_eval_ever.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VALIDATOR = "every-eval-ever==0.3.0"


def main() -> None:
    """Export, install, validate; raises where a step fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="python3.12", help="Python 3.12 or newer")
    parser.add_argument("--records", type=Path, default=ROOT / "results" / "mini" / "records")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for record in sorted(chosen.records.glob("*-*x.json")):
            command = ("-m", "salmubench.cli.main", "export-eee", record, folder, "--organization", "SALMUBench")
            subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([chosen.python, "-m", "venv", str(folder / "venv")], check=True)
        tool = folder / "venv" / "bin"
        subprocess.run([tool / "pip", "install", "--quiet", "--disable-pip-version-check", VALIDATOR], check=True)
        subprocess.run([tool / "every_eval_ever", "validate", "data/*/*/*/*.json*"], cwd=folder, check=True)


if __name__ == "__main__":
    main()
