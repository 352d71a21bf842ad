"""The tutorial on bulk jobs: its commands do what it says."""

import json
import re
import runpy
import shlex
import shutil
import signal
import sys
from pathlib import Path

import pytest

from langchain_azure_llms.local import LocalEndpoints

_DOCS = Path(__file__).parents[2] / "docs"
_COMMANDS = re.findall(
    r"^\$ python -m langchain_azure_llms\.bulk (run reviews.*)$",
    (_DOCS / "tutorial" / "many-prompts.md").read_text(),
    re.M,
)


def test_the_commands_of_the_tutorial_answer_every_review_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(_DOCS / "examples" / "reviews.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    lines, printed = [], ""
    on_sigterm = signal.getsignal(signal.SIGTERM)
    with LocalEndpoints(engine="echo") as endpoints:
        for name, value in endpoints.environ.items():
            monkeypatch.setenv(name, value)
        for command in _COMMANDS:
            monkeypatch.setattr(sys, "argv", ["bulk", *shlex.split(command)])
            monkeypatch.delitem(sys.modules, "langchain_azure_llms.bulk.__main__", raising=False)
            with pytest.raises(SystemExit) as ended:
                runpy.run_module("langchain_azure_llms.bulk", run_name="__main__")
            assert ended.value.code == 0
            printed += "".join(capsys.readouterr())
            answers = Path("answers.jsonl")
            lines.append(len(answers.read_text().splitlines()) if answers.exists() else 0)
    signal.signal(signal.SIGTERM, on_sigterm)  # the command has its own
    assert lines == [0, 10, 60]
    page = (_DOCS / "tutorial" / "many-prompts.md").read_text()
    assert printed.splitlines()[0] in page
    assert printed.splitlines()[2].partition("; 0:")[0] in page
    records = map(json.loads, answers.read_text().splitlines())
    assert {record["id"] for record in records} == {f"r{number:03}" for number in range(1, 61)}
