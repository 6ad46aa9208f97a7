"""Asks an advisory database about the packages in `locks/loop.txt` and says how many it knew.

Exit code 0: all known to the database, none vulnerable; 1: vulnerable ones, each named with the
version that mends it; 3: too few could be looked up to say anything.
"""

import json
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).with_name("loop.txt")
COMMAND = [
    "-m",
    "pip_audit",
    "--progress-spinner=off",
    "--disable-pip",
    "--no-deps",
    "--format=json",
]


def main() -> int:
    """Run pip-audit, print what it found in plain words and return the exit code."""
    done = subprocess.run(
        [sys.executable, *COMMAND, "--requirement", str(LIST)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"The advisory database could not be asked: {reason}")
        return 3
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    for package in packages:
        for found in package.get("vulns", []):
            mended = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {found['id']}, mended in {mended}")
    vulnerable = sum(bool(package.get("vulns")) for package in packages)
    known = len(packages) - len(unknown)
    print(
        f"{len(packages)} packages, {known} known to the advisory database, {vulnerable} vulnerable"
    )
    if vulnerable:
        return 1
    if unknown:
        print("Not looked up:", ", ".join(unknown[:8]), "..." if len(unknown) > 8 else "")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
