"""The standard suite for LLMs: LangChain has one for chat models, embeddings and tools.

A test class derives from one of the two classes here, says what is so of its LLM in the properties
of `LLMTests` and `EndpointTests`, and inherits the tests:

```python
class TestMyLLM(LLMUnitTests):
    @property
    def llm_class(self) -> type[BaseLLM]:
        return MyLLM

    @property
    def llm_params(self) -> dict[str, Any]:
        return {"api_key": "a-secret"}
```
"""

from tests.conformance.answers import AnswerClaims, CacheClaims
from tests.conformance.failures import FailureClaims
from tests.conformance.objects import ObjectClaims
from tests.conformance.runs import RunClaims


class LLMUnitTests(ObjectClaims, standard=True):
    """What holds of an LLM without asking it anything: no test opens a socket."""


class LLMIntegrationTests(AnswerClaims, CacheClaims, RunClaims, FailureClaims, standard=True):
    """What holds of an LLM that talks to an endpoint."""
