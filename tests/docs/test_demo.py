"""`docs/examples/demo.py`, as a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("demo")  # it runs once, whatever the number of workers

DEMO = Path(__file__).parents[2] / "docs" / "examples" / "demo.py"
FORMATTERS = [
    "GPT2ContentFormatter",
    "DollyContentFormatter",
    "HFContentFormatter",
    "MLflowContentFormatter",
    "CustomOpenAIContentFormatter",
    "CustomOpenAIContentFormatter",
    "OpenAIChatContentFormatter",
]
HEADINGS = ["AzureOpenAI", *(f"AzureMLOnlineEndpoint + {name}" for name in FORMATTERS)]
# A heading with its seconds, what served it, and the start of the answer.
ENTRY = re.compile(
    r"^(\S.*?) +(\d+\.\d\d) s\n  (\S.*)\n  The capital of \w+ is \.\.\. (\S.*)$", re.M
)


def run(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-W", "error", DEMO],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture(scope="module")
def demo() -> "subprocess.CompletedProcess[str]":
    """The demo's exit code and output."""
    return run()


def test_it_succeeds_and_says_nothing_on_standard_error(
    demo: "subprocess.CompletedProcess[str]",
) -> None:
    """Warnings would be errors, too."""
    assert (demo.returncode, demo.stderr) == (0, "")


def test_every_class_and_formatter_answers(demo: "subprocess.CompletedProcess[str]") -> None:
    """In order, each with a text of the model and the time it took."""
    entries = ENTRY.findall(demo.stdout)
    assert [heading for heading, *_ in entries] == HEADINGS
    assert all(float(seconds) > 0 for _, seconds, *_ in entries)


def test_both_ways_of_hosting_answer(demo: "subprocess.CompletedProcess[str]") -> None:
    """Each entry says what served it."""
    served = [served_by for _, _, served_by, _ in ENTRY.findall(demo.stdout)]
    assert served == [
        "deployment gpt-35-turbo-instruct",
        *["dedicated, /score"] * 5,
        "serverless, /v1/completions",
        "serverless, /v1/chat/completions",
    ]


def test_an_answer_is_streamed(demo: "subprocess.CompletedProcess[str]") -> None:
    """Token by token, and the tokens are counted."""
    story = demo.stdout.partition("AzureOpenAI.stream")[2]
    assert "Once upon a time, a lighthouse keeper" in story
    counted = re.search(r"^(\d+) tokens in \d+\.\d\d s\.\n\Z", story, re.M)
    assert counted is not None
    assert int(counted[1]) > 10


def test_it_fits_into_80_columns(demo: "subprocess.CompletedProcess[str]") -> None:
    """And uses no control characters."""
    assert max(map(len, demo.stdout.splitlines())) <= 80
    assert demo.stdout.replace("\n", "").isprintable()


def test_a_missing_model_ends_it_with_one_sentence() -> None:
    """On standard error, with exit code 1, and nothing before it."""
    failed = run(LANGCHAIN_AZURE_LLMS_GGUF="/nowhere/model.gguf")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.count("\n") == 1
    assert "/nowhere/model.gguf" in failed.stderr


def test_a_missing_network_ends_the_first_fetch_with_one_sentence(tmp_path: Path) -> None:
    """After the line that announces it, and what the installer says."""
    failed = run(
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_CONFIG_FILE=os.devnull,
        PIP_RETRIES="0",
        UV_INDEX_URL="http://127.0.0.1:9/simple",
        UV_HTTP_RETRIES="0",
        UV_NO_CONFIG="1",
        UV_CACHE_DIR=str(tmp_path / "uv"),
        XDG_CACHE_HOME=str(tmp_path),
        HOME=str(tmp_path),
        LANGCHAIN_AZURE_LLMS_GGUF="",
    )
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1].startswith("The model could not be fetched")
    assert "Traceback" not in failed.stderr
