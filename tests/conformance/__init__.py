"""A standard test suite for LLMs, as LangChain has them for chat models and embeddings.

A test class derives from `LLMUnitTests` (no test opens a socket) or `LLMIntegrationTests` (tests
call an endpoint), describes its LLM and its endpoint in the properties of `LLMTests` and
`EndpointTests`, and inherits the tests:

```python
class TestMyLLM(LLMUnitTests):
    @property
    def llm_class(self) -> type[BaseLLM]:
        return MyLLM

    @property
    def llm_params(self) -> dict[str, Any]:
        return {"api_key": "a-secret"}
```

The tests, one file per subject: `objects`, `answers`, `runs`, `failures`. What they use: `subject`
(the properties above), `calls` (sync and async calls behind one interface), `callbacks`, `peak`.

`suites` describes `AzureOpenAI` and `AzureMLOnlineEndpoint`; the unit tests and the integration
tests derive from it. `of_peers` runs the suite, by `runner`, on our classes and on those of other
packages, and writes docs/reference/conformance.md.

The suite is tested too: `faithful_llm` passes each test, and for each test there is an LLM in
`broken_llms` or `broken_runs` that fails it.
"""

from tests.conformance.answers import AnswerClaims, CacheClaims
from tests.conformance.failures import FailureClaims
from tests.conformance.objects import ObjectClaims
from tests.conformance.runs import RunClaims


class LLMUnitTests(ObjectClaims, standard=True):
    """What holds of an LLM that is not called: no test opens a socket."""


class LLMIntegrationTests(AnswerClaims, CacheClaims, RunClaims, FailureClaims, standard=True):
    """What holds of an LLM that calls an endpoint."""
