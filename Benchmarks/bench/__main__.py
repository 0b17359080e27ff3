"""Command line: run it through `Scripts/bench`, which installs and builds what it needs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from .checks import SelfCheck
from .fleet import Fleet
from .measure import FULL, QUICK, Campaign, Plan
from .processes import Failure, Processors, raise_file_limit
from .profiles import profile
from .report import Report


def main() -> int:
    parser = argparse.ArgumentParser(prog="Scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one connection count and few rounds: under 3 minutes")
    parser.add_argument("--self-check", action="store_true", help="only see whether every proxy does what it should")
    parser.add_argument("--profile", action="store_true", help="only sample the gateway under load with perf")
    parser.add_argument("--threads", type=int, default=1, help="threads or workers of each proxy (1)")
    parser.add_argument("--readme", action="store_true", help="put the table into README.md too")
    parser.add_argument("--keep", action="store_true", help="leave the temporary directory with logs behind")
    parser.add_argument("--formation", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--seeder", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick and options.readme:
        parser.error("the README's table comes from a full run")
    # Ends as Ctrl-C does: through the clean-up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    raise_file_limit()
    processors = Processors.split(options.threads)
    os.sched_setaffinity(0, processors.rest)
    try:
        if options.keep:
            return run(options, processors, Path(tempfile.mkdtemp(prefix="formation-bench.", dir="/tmp")))
        with tempfile.TemporaryDirectory(prefix="formation-bench.", dir="/tmp") as directory:
            return run(options, processors, Path(directory))
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1


def run(options: argparse.Namespace, processors: Processors, directory: Path) -> int:
    fleet = Fleet(directory, options.formation, options.seeder, processors, options.threads)
    try:
        plan = QUICK if options.quick or options.self_check or options.profile else FULL
        fleet.start(plan.tenants, plan.people)
        check = SelfCheck(fleet)
        is_right = check.run()
        if options.self_check or not is_right:
            for sentence in check.differences:
                print(f"  differs: {sentence}")
            for sentence in check.wrong:
                print(f"  WRONG: {sentence}")
            print("every proxy does what it should" if is_right else "not every proxy does what it should")
            return 0 if is_right else 1
        if options.profile:
            return profile(fleet)
        return measure(fleet, plan, options)
    finally:
        fleet.stop()


def measure(fleet: Fleet, plan: Plan, options: argparse.Namespace) -> int:
    """Runs the plan, prints the table, and writes the results."""
    started = time.monotonic()
    results = Campaign(fleet, plan).run()
    results["seconds"] = round(time.monotonic() - started)
    report = Report(results, fleet)
    print(report.terminal())
    for path in report.write():
        print(f"written: {path}")
    if options.readme:
        report.write_readme()
        print("written: README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
