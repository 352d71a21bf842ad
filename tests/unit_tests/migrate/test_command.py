"""`python -m langchain_azure_llms.migrate`: what it prints, and what it writes."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from langchain_azure_llms.migrate.__main__ import main

_BEFORE = "from langchain_openai import AzureOpenAI\n"
_AFTER = "from langchain_azure_llms import AzureOpenAI\n"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _notebook(*sources: str | list[str]) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": 3,
            "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["é\n"]}],
            "source": source,
        }
        for source in sources
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _write(name: str, notebook: Any, **layout: Any) -> Path:
    path = Path(name)
    path.write_text(json.dumps(notebook, **layout) + "\n", encoding="utf-8")
    return path


def _sources(path: Path) -> list[Any]:
    return [cell["source"] for cell in json.loads(path.read_text("utf-8"))["cells"]]


# --- files ---------------------------------------------------------------------------------------


def test_a_diff_is_shown_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless the option says so."""
    Path("app.py").write_text(_BEFORE)
    assert main(["app.py"]) == 0
    assert capsys.readouterr().out == (
        f"--- app.py\n+++ app.py\n@@ -1 +1 @@\n-{_BEFORE}+{_AFTER}\n"
        "1 of 1 files would change, 0 places need a look. Nothing was written: add --write.\n"
    )
    assert Path("app.py").read_text() == _BEFORE


def test_files_are_written_where_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """And a second run finds nothing."""
    Path("app.py").write_text(_BEFORE)
    assert main(["app.py", "--write"]) == 0
    assert capsys.readouterr().out.endswith(
        "1 of 1 files changed, 0 places need a look. Written.\n"
    )
    assert Path("app.py").read_text() == _AFTER
    assert main(["app.py", "--write"]) == 0
    assert capsys.readouterr().out == (
        "\n0 of 1 files changed, 0 places need a look. Nothing to change.\n"
    )


def test_a_folder_is_searched_without_what_is_not_the_users() -> None:
    """Hidden folders, environments and installed packages stay as they are; so do other files."""
    left_out = ("env/lib", ".git", "node_modules", "__pycache__", "site-packages")
    for folder in ("src/inner", *left_out):
        Path(folder).mkdir(parents=True)
        Path(folder, "a.py").write_text(_BEFORE)
    Path("env/pyvenv.cfg").touch()
    Path("notes.txt").write_text(_BEFORE)
    assert main([".", "src", "--write"]) == 0
    assert Path("src/inner/a.py").read_text() == _AFTER
    assert [Path(folder, "a.py").read_text() for folder in left_out] == [_BEFORE] * 5
    assert Path("notes.txt").read_text() == _BEFORE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-8"])
def test_a_file_keeps_its_encoding(encoding: str) -> None:
    """And its line ends."""
    first = f"# coding: {encoding.removesuffix('-sig')}\r\n# é\r\n"
    Path("app.py").write_bytes((first + _BEFORE).encode(encoding))
    assert main(["app.py", "--write"]) == 0
    assert Path("app.py").read_bytes() == (first + _AFTER).encode(encoding)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"import openai\nprint 'Python 2'\n", "app.py:2: It is not Python 3."),
        (b"# coding: odd\n", "app.py: unknown encoding: odd"),
        (b"x = '\xff'\n", "app.py: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_migrated(
    content: bytes, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code tells that one is missing."""
    Path("app.py").write_bytes(content)
    Path("other.py").write_text(_BEFORE)
    assert main(["app.py", "other.py", "--write"]) == 1
    assert capsys.readouterr().err.startswith(why)
    assert Path("other.py").read_text() == _AFTER
    assert Path("app.py").read_bytes() == content


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("absent.py", "There is no absent.py.\n"),
        ("notes.txt", "notes.txt is neither a .py nor an .ipynb file.\n"),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused_before_anything_is_written(
    path: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever else was named."""
    Path("notes.txt").touch()
    Path("app.py").write_text(_BEFORE)
    assert main(["app.py", path, "--write"]) == 2
    assert capsys.readouterr().err == why
    assert Path("app.py").read_text() == _BEFORE


def test_what_needs_a_look_is_listed_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors of openai in all files, for the class may be used in another one than it is made."""
    Path("app.py").write_text(f"{_BEFORE}AzureOpenAI(api_key=a, azure_ad_token=b)\n")
    catching = "import openai\ntry: ...\nexcept openai.OpenAIError: ...\n"
    Path("catching.py").write_text(catching)
    assert main(["app.py", "catching.py"]) == 0
    assert capsys.readouterr().out.partition("\nNeeds a look:\n")[2].splitlines()[:2] == [
        "  app.py:2: AzureOpenAI takes one credential, not api_key and azure_ad_token: keep one.",
        "  catching.py:3: except openai.OpenAIError: around these LLMs, "
        "catch langchain_azure_llms.exceptions.AzureLLMError.",
    ]


def test_errors_of_openai_are_not_listed_where_no_file_uses_the_llms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Then they are those of its own client."""
    Path("app.py").write_text("import openai\ntry: ...\nexcept openai.OpenAIError: ...\n")
    assert main(["app.py"]) == 0
    assert "Needs a look" not in capsys.readouterr().out


# --- notebooks -----------------------------------------------------------------------------------


def test_the_cells_of_a_notebook_share_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    """A module that one imports, another uses."""
    path = _write("a.ipynb", _notebook("import langchain_openai as lo", "lo.AzureOpenAI(n=1)"))
    assert main(["a.ipynb", "--write"]) == 0
    assert _sources(path) == [
        "import langchain_azure_llms",
        "langchain_azure_llms.AzureOpenAI(n=1)",
    ]
    assert "--- a.ipynb, cell 2\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "layout",
    [
        {"indent": 1, "ensure_ascii": False},
        {"indent": 2, "ensure_ascii": False},
        {"indent": 4},
        {},
    ],
)
def test_only_sources_change_in_a_notebook(layout: dict[str, Any]) -> None:
    """Outputs, metadata, the order of keys and the layout of the file stay."""
    sources: list[str | list[str]] = [["# é\n", _BEFORE, "llm = AzureOpenAI()"], "1 + 1", []]
    path = _write("a.ipynb", _notebook(*sources), **layout)
    before = path.read_text("utf-8")
    assert main(["a.ipynb", "--write"]) == 0
    expected = before.replace("langchain_openai", "langchain_azure_llms")
    assert path.read_text("utf-8") == expected


def test_a_notebook_of_another_layout_gets_jupyters() -> None:
    """Its content stays."""
    path = _write("a.ipynb", _notebook(_BEFORE), indent="\t")
    assert main(["a.ipynb", "--write"]) == 0
    expected = json.dumps(_notebook(_AFTER), indent=1, ensure_ascii=False) + "\n"
    assert path.read_text("utf-8") == expected


MAGIC = [
    f"%pip install -qU langchain-community\n{_BEFORE}",
    f"{_BEFORE}!ls \\\n  -l\n%matplotlib inline\nfiles = !ls\nAzureOpenAI?\n?AzureOpenAI",
    f"%%time\n{_BEFORE}",
    f"if True:\n    !ls\n    {_BEFORE}",
    f"text = '''\n!ls\n'''\n%time x = 1\n{_BEFORE}",
    f"<!--IMPORTS:[]-->\n{_BEFORE}",
    f"await chain.ainvoke('Hi')\n{_BEFORE}",
]


@pytest.mark.parametrize("source", MAGIC)
def test_lines_for_ipython_stay_as_they_are(source: str) -> None:
    """What lies around them is migrated."""
    path = _write("a.ipynb", _notebook(source))
    assert main(["a.ipynb", "--write"]) == 0
    assert _sources(path) == [source.replace(_BEFORE, _AFTER)]


def test_what_is_not_python_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Cells of other languages, text, and broken ones; the last are listed."""
    broken = f"{_BEFORE}def"
    notebook = _notebook(f"%%bash\n{_BEFORE}", "def", broken, _BEFORE)
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": _BEFORE})
    path = _write("a.ipynb", notebook)
    assert main(["a.ipynb", "--write"]) == 0
    assert _sources(path) == [f"%%bash\n{_BEFORE}", "def", broken, _AFTER, _BEFORE]
    listed = capsys.readouterr().out.partition("Needs a look:\n")[2]
    assert listed.startswith("  a.ipynb, cell 3: It is not Python: nothing changed.\n\n")


def test_places_in_a_notebook_are_told_by_cell_and_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lines for IPython are counted; what installs the old packages is listed, too."""
    install = "!pip install \\\n  -U langchain-openai\n%pip install langchain-openai"
    call = "%%time\n!ls \\\n  -l\nAzureOpenAI(api_key=a, azure_ad_token=b)"
    _write("a.ipynb", _notebook(install, _BEFORE, call))
    assert main(["a.ipynb"]) == 0
    assert capsys.readouterr().out.partition("Needs a look:\n")[2].splitlines()[:2] == [
        "  a.ipynb, cell 1: Install langchain-azure-llms here, too.",
        "  a.ipynb, cell 3, line 4: AzureOpenAI takes one credential, "
        "not api_key and azure_ad_token: keep one.",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "It is no notebook of Jupyter's format 4."),
        ("[]", "It is no notebook of Jupyter's format 4."),
        ('{"worksheets": []}', "It is no notebook of Jupyter's format 4."),
        ('{"cells": [{"cell_type": "code"}]}', "It is no notebook of Jupyter's format 4."),
        ('{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "Its language is R."),
    ],
)
def test_a_file_that_is_no_python_notebook_is_named(
    content: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As other files that cannot be read."""
    Path("a.ipynb").write_text(content)
    assert main(["a.ipynb"]) == 1
    assert capsys.readouterr().err == f"a.ipynb: {why}\n"


# --- the command ---------------------------------------------------------------------------------


def test_a_missing_extra_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence can be pasted into a shell."""
    for name in [name for name in sys.modules if name.startswith("langchain_azure_llms.migrate._")]:
        if not name.endswith("__main__"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("langchain_azure_llms.migrate._files")
    monkeypatch.setitem(sys.modules, "libcst", None)
    assert main(["."]) == 2
    assert 'pip install "langchain-azure-llms[migrate]' in capsys.readouterr().err


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_colours_unless_it_asks_for_none(no_color: str) -> None:
    """A pipe gets none, as the other tests see."""
    path = Path("app.py").resolve()
    path.write_text(_BEFORE)
    own, other = pty.openpty()
    command = [sys.executable, "-m", "langchain_azure_llms.migrate", str(path)]
    environment = {**os.environ, "NO_COLOR": no_color}
    repository = Path(__file__).parents[3]
    subprocess.run(command, stdout=other, check=True, env=environment, cwd=repository)
    os.close(other)
    shown = os.read(own, 10_000).decode()
    os.close(own)
    assert (f"\x1b[32m+{_AFTER.rstrip()}\x1b[0m" in shown) is not bool(no_color)
    assert f"+{_AFTER.rstrip()}" in shown
