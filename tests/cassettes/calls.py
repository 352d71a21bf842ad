"""Calls of each method of an LLM, with a key or with a token of Microsoft Entra ID."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

from tests.cassettes.places import Place
from tests.support.llms import AzureLLM

PROMPT = "The capital of France is"
PROMPTS = [PROMPT, "Two and two are", "Once upon a time"]
SYNC_METHODS = ("invoke", "stream", "batch")
METHODS = tuple(prefix + method for method in SYNC_METHODS for prefix in ("", "a"))
Make = Callable[[Any], AzureLLM]
"""Makes an LLM that uses a credential, or a key when there is none."""


def call(method: str, make: Make, place: Place | None = None, **credential: Any) -> dict[str, str]:
    """Call one of the methods, and return the completion of each prompt.

    Args:
        method: Its name.
        make: Makes the LLM.
        place: Where to get a token; None for none.
        credential: What `Place.credential` takes.
    """
    if method.startswith("a"):
        return asyncio.run(_call_async(method, make, place, **credential))
    known = place.credential(ClientSecretCredential, **credential) if place else nullcontext()
    with known as given:
        llm = make(given)
        match method:
            case "invoke":
                return {PROMPT: llm.invoke(PROMPT)}
            case "stream":
                return {PROMPT: "".join(llm.stream(PROMPT))}
        return dict(zip(PROMPTS, llm.batch([*PROMPTS]), strict=True))


async def _call_async(
    method: str, make: Make, place: Place | None, **credential: Any
) -> dict[str, str]:
    known = place.credential(AsyncClientSecretCredential, **credential) if place else nullcontext()
    async with known as given:
        llm = make(given)
        match method:
            case "ainvoke":
                return {PROMPT: await llm.ainvoke(PROMPT)}
            case "astream":
                return {PROMPT: "".join([text async for text in llm.astream(PROMPT)])}
        return dict(zip(PROMPTS, await llm.abatch([*PROMPTS]), strict=True))
