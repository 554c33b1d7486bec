"""Peak memory of verify at two sizes, each in a process of its own: it is to be flat in the number of facts."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.workload import ACTOR, Workshop, acts
from config.settings import Settings
from flows.house import House
from flows.recording import record_acts
from flows.verifying import verify

SIZES = (2_000, 10_000)
BATCH = 1_000


def peaks(shop: Workshop) -> str:
    """What verify took at its peak among few facts and among many."""
    told: list[str] = []
    home = shop.folder / "remembering"
    recorded = 0
    for cases in SIZES:
        house = House.open(Settings(home=home, today=shop.house.settings.today))
        for first in range(recorded, cases, BATCH):
            record_acts(house, acts(BATCH, first), ACTOR, "record")
        recorded = cases
        house.engine.dispose()
        environment = {**os.environ, "SENDFLOW_HOME": str(home), "SENDFLOW_TODAY": str(house.today())}
        done = subprocess.run([sys.executable, "-m", "benchmarks.remembering"], env=environment, check=True, capture_output=True, text=True)
        told.append(done.stdout.strip())
    return "peak memory of verify: " + "; ".join(told)


def main() -> None:
    """Verify the house and say what that took."""
    house = House.open(Settings.read())
    before = _peak()
    report = verify(house)
    print(f"{report.facts:,} facts {_peak():.0f} MB (of which {before:.0f} MB before the first)")


def _peak() -> float:
    """Megabytes at most so far: of this program alone, where Linux says so (what getrusage says may be its parent's)."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
