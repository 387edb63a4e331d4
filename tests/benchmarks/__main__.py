"""`python -m tests.benchmarks`: Todoku and its peers in one sitting, and the table of `docs/performance.md`."""

import argparse
import os
import platform
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.rows import Benchmarks
from tests.benchmarks.sitting import InvalidRun, Row, Sitting

PAGE = Path("docs/performance.md")
_HEAD = "| work | bar | measured: median (least–greatest) | passed |\n| --- | --- | --- | --- |\n"


def main() -> int:
    """Run the benchmarks; 1 where a bar is missed or a run did not count."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="some of them; all if none is named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE}")
    arguments = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory(prefix="todoku-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        benchmarks = Benchmarks(Sitting(Path(folder), arguments.rounds, _say)).all()
        for name in arguments.names or benchmarks:
            try:
                rows = benchmarks[name]()
            except InvalidRun as error:
                rows = [Row(name, "", f"did not count: {error}", None)]
                missed = True
            missed = missed or any(row.passed is False for row in rows)
            print(_table(rows), flush=True)
            if arguments.write:
                _write(name, _table(rows), arguments.rounds)
    return int(missed)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _table(rows: list[Row]) -> str:
    marks = {True: "yes", False: "**no**", None: ""}
    return _HEAD + "".join(f"| {row.work} | {row.bar} | {row.measured} | {marks[row.passed]} |\n" for row in rows)


def _write(name: str, table: str, rounds: int) -> None:
    """Put the table between its marks."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    day = datetime.now(UTC).date().isoformat()
    text = f"<!-- {name} -->\n{day}, {machine}, {rounds} round{'s' * (rounds > 1)}:\n\n{table}<!-- end of {name} -->"
    page = PAGE.read_text()
    marks = re.compile(f"<!-- {name} -->.*<!-- end of {name} -->", re.DOTALL)
    if not marks.search(page):
        raise SystemExit(f"{PAGE} has no place for {name}")
    PAGE.write_text(marks.sub(lambda _: text, page))


if __name__ == "__main__":
    sys.exit(main())
