"""`make bulk-bench`: measures bulk jobs, prints each figure beside its limit, fails above one.

Names of rows as arguments measure these alone: cpu, tail, limited, kills, resume, memory.
"""

import sys

from tests.bulk_bench.rows import ROWS, server


def main(names: list[str]) -> int:
    """Measure the rows; return 1 when a limit is not kept."""
    is_kept = True
    with server() as url:
        for name in names or ROWS:
            for figure in ROWS[name](url):
                sys.stdout.write(f"{figure}\n")
                sys.stdout.flush()
                is_kept &= figure.is_kept
    return int(not is_kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
