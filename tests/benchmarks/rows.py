"""The rows of the comparison: what is done, how often, and which figure decides."""

from dataclasses import dataclass
from typing import Literal

from tests.benchmarks import line_ups, server
from tests.benchmarks.line_ups import LineUp

AT_ONCE = 32


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Attributes:
        name: What the command line calls it.
        title: What tables call it.
        per: What one call is.
        contenders: Makes those who are measured, ours first.
        figure: What decides.
        rounds: How many turns each one gets.
    """

    name: str
    title: str
    per: str
    contenders: LineUp
    figure: Literal["cpu", "wall"] = "cpu"
    rounds: int = 40


_SLOW = (
    f"{line_ups.PROMPTS} prompts at {server.LATENCY * 1000:.0f} ms, "
    f"max_concurrency={line_ups.CONCURRENCY}"
)

ROWS = (
    Row("openai-invoke", "AzureOpenAI.invoke", "call", line_ups.invoke(line_ups.OPENAI, "tls")),
    Row(
        "azureml-invoke",
        "AzureMLOnlineEndpoint.invoke",
        "call",
        line_ups.invoke(line_ups.AZUREML, "tls"),
    ),
    Row(
        "openai-ainvoke-32",
        f"AzureOpenAI.ainvoke, {AT_ONCE} at once",
        "call",
        line_ups.ainvoke(line_ups.OPENAI, "tls", AT_ONCE),
        rounds=30,
    ),
    Row(
        "azureml-ainvoke-32",
        f"AzureMLOnlineEndpoint.ainvoke, {AT_ONCE} at once",
        "call",
        line_ups.ainvoke(line_ups.AZUREML, "tls", AT_ONCE),
        rounds=30,
    ),
    Row(
        "openai-stream-many",
        "AzureOpenAI.stream, many events a write",
        "chunk",
        line_ups.stream("many"),
    ),
    Row(
        "openai-astream-many",
        "AzureOpenAI.astream, many events a write",
        "chunk",
        line_ups.astream("many"),
    ),
    Row(
        "openai-stream-single",
        "AzureOpenAI.stream, one event a record",
        "chunk",
        line_ups.stream(server.SINGLE),
    ),
    Row(
        "openai-astream-single",
        "AzureOpenAI.astream, one event a record",
        "chunk",
        line_ups.astream(server.SINGLE),
    ),
    Row(
        "azureml-batch-slow",
        f"AzureMLOnlineEndpoint.batch, {_SLOW}",
        "batch",
        line_ups.slow_batch(line_ups.AZUREML, is_async=False, most_rounds=2),
        "wall",
        rounds=10,
    ),
    Row(
        "azureml-abatch-slow",
        f"AzureMLOnlineEndpoint.abatch, {_SLOW}",
        "batch",
        line_ups.slow_batch(line_ups.AZUREML, is_async=True, most_rounds=2),
        "wall",
        rounds=10,
    ),
    Row(
        "openai-batch-slow",
        f"AzureOpenAI.batch, {_SLOW}, 20 a request",
        "batch",
        line_ups.slow_batch(line_ups.OPENAI, is_async=False),
        "wall",
        rounds=10,
    ),
    Row(
        "openai-abatch-slow",
        f"AzureOpenAI.abatch, {_SLOW}, 20 a request",
        "batch",
        line_ups.slow_batch(line_ups.OPENAI, is_async=True),
        "wall",
        rounds=10,
    ),
    Row(
        "azureml-batch-64",
        f"AzureMLOnlineEndpoint.batch, {line_ups.CONCURRENCY} at once",
        "prompt",
        line_ups.fast_batch,
        rounds=20,
    ),
    Row(
        "openai-invoke-heard",
        "AzureOpenAI.invoke, a listener",
        "call",
        line_ups.invoke(line_ups.OPENAI, "tls", is_heard=True),
    ),
    Row(
        "azureml-invoke-heard",
        "AzureMLOnlineEndpoint.invoke, a listener",
        "call",
        line_ups.invoke(line_ups.AZUREML, "tls", is_heard=True),
    ),
    Row(
        "openai-stream-heard",
        "AzureOpenAI.stream, a listener",
        "chunk",
        line_ups.stream("many", is_heard=True),
        rounds=20,
    ),
    Row("construct", "construct one more AzureOpenAI", "object", line_ups.construct, rounds=15),
    Row(
        "openai-invoke-plain",
        "AzureOpenAI.invoke, plain",
        "call",
        line_ups.invoke(line_ups.OPENAI, "plain"),
    ),
    Row(
        "azureml-invoke-plain",
        "AzureMLOnlineEndpoint.invoke, plain",
        "call",
        line_ups.invoke(line_ups.AZUREML, "plain"),
    ),
    Row(
        "openai-ainvoke-32-plain",
        f"AzureOpenAI.ainvoke, {AT_ONCE} at once, plain",
        "call",
        line_ups.ainvoke(line_ups.OPENAI, "plain", AT_ONCE),
        rounds=20,
    ),
    Row(
        "azureml-ainvoke-32-plain",
        f"AzureMLOnlineEndpoint.ainvoke, {AT_ONCE} at once, plain",
        "call",
        line_ups.ainvoke(line_ups.AZUREML, "plain", AT_ONCE),
        rounds=20,
    ),
)
