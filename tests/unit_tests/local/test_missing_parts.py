"""What is said when a part of the machine is missing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError, _engine


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_extra_is_named_with_its_command(missing: str) -> None:
    """The sentence can be pasted into a shell."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from langchain_azure_llms.local import LocalEndpoints, LocalEndpointsError
try:
    LocalEndpoints().__enter__()
except LocalEndpointsError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "langchain-azure-llms[local]' in done.stdout


def test_a_missing_engine_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """llama.cpp comes with the same extra."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(LocalEndpointsError, match=r'pip install "langchain-azure-llms\[local\]'):
        _engine.LlamaEngine(Path("model.gguf"))


@pytest.mark.parametrize(
    ("library", "hint"), [("libgomp.so.1", "install libgomp1"), ("libodd.so.1", "does not run")]
)
def test_a_library_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, hint: str
) -> None:
    """The loader's own message names only the file; where that is known, so is its package."""
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError('{library}: not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    with pytest.raises(LocalEndpointsError, match=f"{re.escape(library)}.*{hint}"):
        _engine.LlamaEngine(tmp_path / "model.gguf")
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Linux tells about its processor, on a machine where that matters."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return tmp_path / "cpuinfo"


def test_an_old_processor_is_refused_before_it_crashes(cpuinfo: Path) -> None:
    """The compiled code would end the process with an illegal instruction."""
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu sse4 avx\n")
    with pytest.raises(LocalEndpointsError, match="AVX2"):
        _engine.import_llama(cpuinfo)


@pytest.mark.parametrize("content", ["flags\t\t: fpu avx avx2\n", "", None])
def test_a_processor_that_may_do_is_tried(cpuinfo: Path, content: str | None) -> None:
    """Also one of which nothing is known."""
    if content is not None:
        cpuinfo.write_text(content)
    assert _engine.import_llama(cpuinfo) is not None


@pytest.mark.parametrize(
    "module", ["langchain_azure_llms.local", "langchain_azure_llms.local.score"]
)
def test_importing_loads_nothing_heavy(module: str) -> None:
    """Under Microsoft's server there is no web framework of ours, and no LangChain."""
    heavy = {"starlette", "uvicorn", "xllamacpp", "langchain_core", "httpx2", "pydantic"}
    script = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("name", ["url", "environ"])
def test_closed_endpoints_have_no_address(name: str) -> None:
    """The error says how to open them."""
    with pytest.raises(LocalEndpointsError, match="with"):
        getattr(LocalEndpoints(), name)


def test_keys_are_random_unless_given() -> None:
    """Nobody else on the machine can guess them."""
    assert LocalEndpoints().api_key != LocalEndpoints().api_key
    assert LocalEndpoints(api_key="mine").api_key == "mine"
