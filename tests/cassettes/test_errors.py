"""Each error that a recorded answer causes, sync and async, and some of them in streams.

Errors without a whole answer have no cassette: what cannot connect, what times out, a stream that
breaks off, and all that is wrong before anything is sent. Nor has a 403: no server here answers so.
`tests/integration_tests/test_every_error.py` causes those by other means.
"""

import pytest
from vcr.cassette import Cassette  # type: ignore[import-untyped]

from langchain_azure_llms import exceptions
from langchain_azure_llms.exceptions import AzureLLMError
from tests.cassettes.answers import statuses
from tests.cassettes.calls import call
from tests.cassettes.llms import azure_openai, online_endpoint
from tests.cassettes.places import Place, Wanted
from tests.cassettes.refusals import REFUSALS, Refusal

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

_CASES = [
    pytest.param(one, one.wanted, method, id=f"{name}-{method}")
    for name, one in REFUSALS.items()
    for method in one.methods
]


@pytest.mark.parametrize(("refusal", "wanted", "method"), _CASES)
def test_refusals(
    place: Place, vcr: Cassette, refusal: Refusal, wanted: Wanted, method: str
) -> None:
    """The class, the status and the attributes that come from the answer."""
    if wanted.service == "azure-openai":
        make = azure_openai(place, **refusal.settings)
    else:
        make = online_endpoint(place, wanted, **refusal.settings)
    with pytest.raises(AzureLLMError) as raised:
        call(method, make)
    assert type(raised.value) is refusal.error
    assert statuses(vcr)[-1] == refusal.status
    found = {name: getattr(raised.value, name) for name in refusal.attributes}
    assert found == dict(refusal.attributes)


@pytest.mark.parametrize("method", ["invoke", "ainvoke"])
@pytest.mark.parametrize("wanted", [Wanted(local_only=True)], ids=["azure-openai"])
async def test_a_prompt_that_is_too_long(
    place: Place, vcr: Cassette, wanted: Wanted, method: str
) -> None:
    """The model's context is the limit."""
    llm, prompt = azure_openai(place)(None), "word " * 2100
    with pytest.raises(exceptions.ContextLengthError):
        _ = await llm.ainvoke(prompt) if method == "ainvoke" else llm.invoke(prompt)
    assert statuses(vcr) == [400]


@pytest.mark.parametrize("method", ["invoke", "ainvoke"])
@pytest.mark.parametrize("wanted", [Wanted(local_only=True, with_token=True)], ids=["wrong-secret"])
def test_a_refused_application(place: Place, vcr: Cassette, wanted: Wanted, method: str) -> None:
    """The token service says why, and no secret shows."""
    with pytest.raises(exceptions.CredentialError, match="AADSTS7000215") as raised:
        call(method, azure_openai(place), place, secret="wr0ng-secret")
    assert statuses(vcr)[-1] == 401
    assert "wr0ng-secret" not in str(raised.value) + repr(raised.value.__cause__)
