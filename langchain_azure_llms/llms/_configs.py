"""LangChain's config of a batch: one for all of its inputs, or one for each. All pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.callbacks import Callbacks
from langchain_core.runnables import RunnableConfig, ensure_config

from langchain_azure_llms.exceptions import ConfigurationError

Config = RunnableConfig | Sequence[RunnableConfig] | None


def limit_of(config: Config, inputs: Sequence[Any], default: int) -> int:
    """Return how many requests of a batch may be in flight.

    Args:
        config: The batch's config.
        inputs: The batch's inputs.
        default: The limit where the config sets none.

    Raises:
        ConfigurationError: If the inputs cannot be counted, if the config is not one for all or one
            for each, or its `max_concurrency` is no number of requests.
    """
    if not hasattr(inputs, "__len__"):
        raise ConfigurationError(
            f"The prompts are a {type(inputs).__name__}, expected a list, or another sequence with "
            "a length, which may make its items when they are asked for."
        )
    count = len(inputs)
    if isinstance(config, Sequence) and len(config) != count:
        raise ConfigurationError(
            f"There are {len(config)} configs for {count} inputs: pass one for all, or a list with "
            "one for each."
        )
    first = config[0] if isinstance(config, Sequence) and config else config
    limit = first.get("max_concurrency") if isinstance(first, dict) else None
    if limit is None:
        return default
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise ConfigurationError(
            f"max_concurrency is {limit!r}, expected a whole number of at least 1."
        )
    return limit


def asked(prompts: Sequence[str | Exception], config: Config) -> tuple[list[str], dict[str, Any]]:
    """Return the prompts that are text, and what `generate` is told of their runs.

    One config for all is told once: making a callback manager of it for each prompt costs more than
    sending the prompt.
    """
    numbers = [number for number, prompt in enumerate(prompts) if isinstance(prompt, str)]
    good = cast("list[str]", [prompts[number] for number in numbers])
    if not isinstance(config, Sequence):
        one = ensure_config(config)
        run = {name: one.get(name) for name in ("callbacks", "tags", "run_name")}
        # One id is one run's: the first prompt's, as in LangChain's other runnables.
        ids = [one.get("run_id") if number == 0 else None for number in numbers]
        return good, {**run, "run_id": ids, "metadata": one.get("metadata") or {}}
    each = [ensure_config(config[number]) for number in numbers]
    names = ("callbacks", "tags", "metadata", "run_name", "run_id")
    return good, {name: [one.get(name) for one in each] for name in names}


def callbacks_of(config: Config, run: Mapping[str, Any]) -> Sequence[Callbacks]:
    """Return the callbacks of all runs: one for all, or one for each."""
    callbacks = run["callbacks"]
    return callbacks if isinstance(config, Sequence) else (callbacks,)


def placed(texts: Sequence[Any], prompts: Sequence[str | Exception]) -> list[str]:
    """Return the texts in their prompts' places, beside the errors of what is no prompt."""
    waiting = iter(texts)
    return [next(waiting) if isinstance(prompt, str) else prompt for prompt in prompts]  # type: ignore[misc]


def config_of(config: Config, index: int) -> RunnableConfig | None:
    """Return one input's config."""
    if isinstance(config, Sequence):
        return config[index]
    if config is None or index == 0:
        return config
    others = {name: value for name, value in config.items() if name != "run_id"}  # one run's alone
    return cast("RunnableConfig", others)
