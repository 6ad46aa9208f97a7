"""How long `import evermodel` and `evermodel --help` take over the interpreter's own start.

Runs each in fresh processes, one after the other in turns, and compares medians. Exits 1 when a
goal is missed: 0.15 s for the import, 0.3 s for the help. Ends by itself in about ten seconds.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
HELP = str(Path(sys.executable).with_name("evermodel"))
COMMANDS = {
    "interpreter": [sys.executable, "-c", "pass"],
    "import evermodel": [sys.executable, "-c", "import evermodel"],
    "evermodel --help": [HELP, "--help"],
}
GOALS = {"import evermodel": 0.15, "evermodel --help": 0.3}


def seconds(argv: list[str]) -> float:
    """Return how long one process takes from start to end."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    """Print the table and return the exit code."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for argv in COMMANDS.values():
        seconds(argv)  # the first run compiles
    for _ in range(ROUNDS):
        for name, argv in COMMANDS.items():
            times[name].append(seconds(argv))
    medians = {name: statistics.median(values) for name, values in times.items()}
    own = medians["interpreter"]
    print(f"{'':18} {'median s':>9} {'over own':>9} {'ratio':>6} {'goal':>6}")
    for name, value in medians.items():
        goal = f"{GOALS[name]:6.2f}" if name in GOALS else ""
        print(f"{name:18} {value:9.3f} {value - own:9.3f} {value / own:6.1f} {goal}")
    missed = [name for name, goal in GOALS.items() if medians[name] - own > goal]
    print(f"missed: {', '.join(missed)}" if missed else "both goals are met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
