"""Runs in an environment that holds the wheel and its dependencies alone; prints what it saw.

It needs nothing but the package. For each check it prints a line: its name, a tab, and what is
wrong, or nothing.
"""

import asyncio
import importlib
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

VERSION, EXTRAS = sys.argv[1], set(sys.argv[2:])
PACKAGE = "langchain_azure_llms"
PROMPT = "Hello"
ECHO = "echo: Hello"
MODULES = {
    "aiohttp": {"aiohttp", "httpx_aiohttp"},
    "entra": {"azure"},
    "local": {"starlette", "uvicorn", "xllamacpp"},
    "migrate": {"libcst"},
    "tiktoken": {"tiktoken"},
}
"""What each extra brings."""


def the_package_is_the_installed_one() -> None:
    import langchain_azure_llms  # noqa: PLC0415 - its absence is what this finds

    file = Path(langchain_azure_llms.__file__)
    assert file.is_relative_to(sys.prefix), file
    assert (file.parent / "py.typed").is_file(), "no py.typed"
    assert importlib.metadata.version("langchain-azure-llms") == VERSION


def every_public_name_can_be_imported() -> None:
    for module in ("", ".exceptions", ".local"):
        found = importlib.import_module(f"langchain_azure_llms{module}")
        for name in found.__all__:
            assert getattr(found, name) is not None, name


def every_module_can_be_imported() -> None:
    """But those that need an extra that is not there."""
    import langchain_azure_llms  # noqa: PLC0415 - see above

    absent = {name for extra, names in MODULES.items() if extra not in EXTRAS for name in names}
    root = Path(langchain_azure_llms.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.stem == "__main__":
            continue
        parts = path.relative_to(root.parent).with_suffix("").parts
        try:
            importlib.import_module(".".join(parts).removesuffix(".__init__"))
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] not in absent:
                raise


def _llms() -> list[Any]:
    from langchain_azure_llms import (  # noqa: PLC0415 - see above
        AzureMLOnlineEndpoint,
        AzureOpenAI,
        CustomOpenAIContentFormatter,
    )

    return [
        AzureOpenAI(azure_deployment="gpt-35-turbo-instruct"),
        AzureMLOnlineEndpoint(content_formatter=CustomOpenAIContentFormatter()),
    ]


def both_classes_answer_in_every_way() -> None:
    for llm in _llms():
        assert llm.invoke(PROMPT) == ECHO
        assert "".join(llm.stream(PROMPT)) == ECHO
        assert llm.batch([PROMPT] * 3) == [ECHO] * 3
        assert asyncio.run(llm.ainvoke(PROMPT)) == ECHO
        assert asyncio.run(llm.abatch([PROMPT] * 3)) == [ECHO] * 3


def both_classes_come_back_from_files() -> None:
    from langchain_azure_llms import load_llm  # noqa: PLC0415 - see above

    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("json", "yaml"):
            for llm in _llms():
                llm.save(Path(folder) / f"llm.{suffix}")
                assert load_llm(Path(folder) / f"llm.{suffix}") == llm


def tiktoken_counts_or_is_named() -> None:
    llm = _llms()[0]
    if "tiktoken" not in EXTRAS:
        assert "langchain-azure-llms[tiktoken]" in _error_of(lambda: llm.get_num_tokens("four"))
        return
    import tiktoken  # noqa: PLC0415 - an extra

    ranks = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding(
        "bytes", pat_str=r"[\s\S]", mergeable_ranks=ranks, special_tokens={}
    )
    its_own = vars(tiktoken)  # whose tables have to be fetched
    its_own["encoding_for_model"] = lambda _name: encoding
    assert llm.get_num_tokens("four") == 4


def local_endpoints_serve_or_are_named() -> None:
    from langchain_azure_llms.local import LocalEndpoints  # noqa: PLC0415 - see above

    if "local" not in EXTRAS:
        assert "langchain-azure-llms[local]" in _error_of(LocalEndpoints(engine="echo").__enter__)
        return
    others = dict(os.environ)
    with LocalEndpoints(engine="echo") as endpoints:
        os.environ.update(endpoints.environ)
        both_classes_answer_in_every_way()
    os.environ.update(others)
    importlib.import_module("xllamacpp")


def the_migration_rewrites_or_names_its_extra() -> None:
    command = importlib.import_module("langchain_azure_llms.migrate.__main__")
    before, after = (f"from {name} import AzureOpenAI\n" for name in ("langchain_openai", PACKAGE))
    with tempfile.TemporaryDirectory() as folder, StringIO() as said:
        path = Path(folder) / "app.py"
        path.write_text(before)
        with redirect_stdout(said), redirect_stderr(said):
            code = command.main([str(path), "--write"])
        if "migrate" in EXTRAS:
            assert (code, path.read_text()) == (0, after), said.getvalue()
        else:
            assert (code, path.read_text()) == (2, before)
            assert "langchain-azure-llms[migrate]" in said.getvalue()


def aiohttp_is_the_engine_or_is_not_needed() -> None:
    from langchain_azure_llms.http import transports  # noqa: PLC0415 - nothing public says it

    assert transports.has_aiohttp() == ("aiohttp" in EXTRAS)


def entra_credentials_are_taken_or_absent() -> None:
    from langchain_azure_llms import AzureOpenAI  # noqa: PLC0415 - see above

    if "entra" not in EXTRAS:
        assert find_spec("azure") is None
        return
    from azure.core.credentials import AccessToken  # noqa: PLC0415 - an extra
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - an extra

    class Credential(DefaultAzureCredential):
        def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
            return AccessToken("entra-token", 2**31)

    llm = AzureOpenAI(azure_deployment="gpt-35-turbo-instruct", credential=Credential())
    assert [llm.invoke(PROMPT), asyncio.run(llm.ainvoke(PROMPT))] == [ECHO] * 2


def _error_of(do: Callable[[], Any]) -> str:
    try:
        do()
    except Exception as error:  # noqa: BLE001 - its text is looked at
        return str(error)
    return "no error"


CHECKS = (
    the_package_is_the_installed_one,
    every_public_name_can_be_imported,
    every_module_can_be_imported,
    tiktoken_counts_or_is_named,
    local_endpoints_serve_or_are_named,
    the_migration_rewrites_or_names_its_extra,
    aiohttp_is_the_engine_or_is_not_needed,
    entra_credentials_are_taken_or_absent,
    both_classes_answer_in_every_way,
    both_classes_come_back_from_files,
)


def main() -> None:
    for check in CHECKS:
        problem = ""
        try:
            check()
        except Exception as error:  # noqa: BLE001 - told as what is wrong
            problem = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"{check.__name__}\t{problem}", flush=True)  # noqa: T201 - read by who started it


if __name__ == "__main__":
    main()
