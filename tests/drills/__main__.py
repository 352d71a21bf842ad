"""`make drill`: every drill, a table, and an exit code that says whether all held."""

import argparse
import sys
import tracemalloc

from tests.drills import drill

_COLUMNS = (
    "class",
    "way",
    "prompts",
    "right",
    "retries",
    "twice",
    "seconds",
    "peak KiB",
    "growth KiB",
    "descriptors",
    "threads",
    "tasks",
    "errors",
)
_WIDTHS = (21, 29, 7, 6, 7, 5, 7, 8, 10, 11, 7, 5, 0)


def main() -> int:
    """Run the drills; return 1 when something broke that must hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills")
    parser.add_argument("--prompts", type=int, default=2000, help="prompts per drill")
    count = parser.parse_args().prompts
    tracemalloc.start()
    drill.warm_up()
    _say(_line(_COLUMNS))
    broken = []
    for each in drill.drills():
        broken += _report(drill.run(each, count))
    for each in drill.drills_of_refusal():
        broken += _report(drill.run(each, max(count // 10, 2)))
    _say("\n".join(broken) or "Everything held.")
    return 1 if broken else 0


def _report(result: drill.Result) -> list[str]:
    cls, way = result.drill.name.split(" ", 1)
    errors = ", ".join(f"{name} {count}" for name, count in sorted(result.errors.items()))
    before, after = result.before, result.after
    cells = (
        cls,
        way,
        result.prompts,
        result.right,
        result.retries,
        result.answered_again,
        f"{result.seconds:.1f}",
        result.peak // 1024,
        result.growth // 1024,
        f"{before.descriptors}/{after.descriptors}",
        f"{before.threads}/{after.threads}",
        result.tasks,
        errors,
    )
    _say(_line(cells))
    return [f"{result.drill.name}: {what}" for what in result.broken]


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command prints


def _line(cells: tuple[object, ...]) -> str:
    return "  ".join(str(cell).ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True))


if __name__ == "__main__":
    sys.exit(main())
