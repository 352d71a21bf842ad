"""Options of the command that all its parts share: the LLM, its parameters, the columns."""

from __future__ import annotations

import argparse
import json
from typing import Any, cast

from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms.azure_openai import AzureOpenAI
from langchain_azure_llms.llms.base import AzureLLM
from langchain_azure_llms.loading import load_llm


def add_llm_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the options that name the LLM."""
    which = parser.add_mutually_exclusive_group(required=required)
    which.add_argument("--llm", metavar="FILE", help="a file that the LLM's `save` wrote")
    which.add_argument(
        "--deployment",
        metavar="NAME",
        help="a deployment of Azure OpenAI; endpoint and key come from the environment",
    )


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the LLM, its parameters and the columns."""
    add_llm_options(parser)
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of all prompts, such as max_tokens=64 (repeatable)",
    )
    parser.add_argument("--template", help="such as 'Summarize: {text}'")
    parser.add_argument("--prompt-column", metavar="NAME", help="default: prompt")
    parser.add_argument("--id-column", metavar="NAME", help="default: id, or the row's number")


def llm_of(options: argparse.Namespace) -> AzureLLM:
    """Return the LLM that the options name.

    Raises:
        ConfigurationError: If its settings are wrong.
        LoadError: If its file cannot be loaded.
    """
    if options.deployment is not None:
        return AzureOpenAI(azure_deployment=options.deployment)
    llm = load_llm(options.llm)
    if not isinstance(llm, AzureLLM):
        kind = type(llm).__name__
        raise ConfigurationError(f"{options.llm} describes a {kind}, which has no bulk jobs.")
    return llm


def params_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters of all prompts; a value that is not JSON is a text.

    Raises:
        ConfigurationError: If one is not `NAME=VALUE`.
    """
    params = {}
    for given in cast("list[str]", options.param):
        name, separator, value = given.partition("=")
        if not name or not separator:
            raise ConfigurationError(f"--param is {given!r}, expected NAME=VALUE.")
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params
