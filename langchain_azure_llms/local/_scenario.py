"""What goes wrong with which prompts, and what came of each of them."""

import re
import threading
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum
from hashlib import sha256

from langchain_azure_llms.local._errors import LocalEndpointsError


class Fault(StrEnum):
    """One thing that goes wrong with a request."""

    RATE_LIMITED_SECONDS = "rate-limited-seconds"  # a 429 that tells the wait in seconds,
    RATE_LIMITED_DATE = "rate-limited-date"  # as a date, or in other headers
    RATE_LIMITED_MS = "rate-limited-ms"
    RATE_LIMITED_RESET_REQUESTS = "rate-limited-reset-requests"
    RATE_LIMITED_RESET_TOKENS = "rate-limited-reset-tokens"
    RATE_LIMITED_OLD_RESET = "rate-limited-old-reset"
    RATE_LIMITED_MESSAGE = "rate-limited-message"  # in its message alone
    UNAVAILABLE = "unavailable"  # a 503
    SLOW = "slow"  # the answer comes, later
    REFUSED = "refused"  # every connection is refused, from the endpoints' start on
    HUNG_UP = "hung-up"  # the connection is closed before the answer begins
    RESET_MID_BODY = "reset-mid-body"  # it is reset in the middle of the answer, streamed or not
    CUT_MID_STREAM = "cut-mid-stream"  # it is closed there
    GARBAGE = "garbage"  # a 200 that holds no JSON, or an event that is none
    ERROR_INSIDE_200 = "error-inside-200"  # a 200, or an event of a stream, that holds an error
    EMPTY_OBJECT = "empty-object"  # a 200 that holds `{}`
    FILTER = "filter"  # the content filter refuses the prompt
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 (a 401, which a new token ends)
    CONTAINER_BUSY = "container-busy"  # a 424: the model's container answered 503,
    CONTAINER_NOT_READY = "container-not-ready"  # still loads the model,
    CONTAINER_FAILED = "container-failed"  # or answered 400
    BATCH_FAILED = "batch-failed"  # a batch of the Batch API fails its validation
    BATCH_EXPIRED = "batch-expired"  # a request is not executed before its batch expires


_LASTING = {Fault.FILTER, Fault.CONTAINER_FAILED}  # sending the prompt again does not help
_OF_BATCHES = {Fault.BATCH_FAILED, Fault.BATCH_EXPIRED}
_GROUPS: dict[str, list[Fault]] = {
    "rate-limited": [fault for fault in Fault if fault.startswith("rate-limited")],
    # A connection that is refused brings no prompt, whose share it could be.
    "mixed": [fault for fault in Fault if fault not in {Fault.REFUSED, *_OF_BATCHES}],
}


@dataclass(frozen=True)
class Scenario:
    """Something that goes wrong, for some prompts, a number of times.

    Its name is that of a `Fault`; or a group, of which each prompt meets another one:
    `rate-limited` (all kinds of 429), or `mixed` (all but `refused` and those of batches).

    A request that carries several prompts has the fate of its first one; but the filter refuses it
    for any of them.

    Attributes:
        name: What goes wrong.
        share: The share of prompts that meet it, drawn by the prompts' texts.
        times: How many requests of a prompt meet it before one is answered. None: one; but every
            one where sending again cannot help (`filter`, `container-failed`).
        wait: The seconds that a 429 names, that `slow` takes, and that `refused` lasts. Azure names
            whole seconds; fractions make for quick drills.
        matching: A regular expression: only prompts in which it is found meet the scenario.
        path: Only requests to paths that contain this do.
        seed: Another number draws other prompts.

    Raises:
        LocalEndpointsError: When the name is unknown, or a value is out of its range.
    """

    name: str
    _: KW_ONLY
    share: float = 1.0
    times: int | None = None
    wait: float = 1.0
    matching: str = ""
    path: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        names = [*Fault, *_GROUPS]
        if self.name not in names:
            message = f"There is no scenario {self.name!r}: they are {', '.join(names)}."
            raise LocalEndpointsError(message)
        if not 0 <= self.share <= 1:
            raise LocalEndpointsError(f"share must be from 0 to 1, not {self.share!r}.")
        if self.times is not None and self.times < 1:
            raise LocalEndpointsError(f"times must be 1 or more, not {self.times!r}.")
        if not self.wait >= 0:  # also refuses NaN
            raise LocalEndpointsError(f"wait must be 0 or more, not {self.wait!r}.")
        try:
            re.compile(self.matching)
        except re.error as error:
            message = f"matching must be a regular expression, not {self.matching!r}: {error}."
            raise LocalEndpointsError(message) from error

    def fault_of(self, prompt: str) -> Fault | None:
        """Return what goes wrong with a prompt, or None."""
        if not re.search(self.matching, prompt) or self._drawn("share", prompt) >= self.share:
            return None
        faults = _GROUPS.get(self.name) or [Fault(self.name)]
        return faults[int(self._drawn("fault", prompt) * len(faults))]

    def is_over(self, fault: Fault, met: int) -> bool:
        """Whether a prompt that met the fault so often meets it no more."""
        lasts = self.times is None and fault in _LASTING
        return not lasts and met >= (self.times or 1)

    def _drawn(self, what: str, prompt: str) -> float:
        """Return a number from 0 to below 1 that depends on nothing but the arguments."""
        text = f"{self.seed}/{self.name}/{what}/{prompt}"
        digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        return (int.from_bytes(digest[:8]) >> 11) / (1 << 53)


@dataclass(slots=True)
class PromptRecord:
    """What became of one prompt.

    Attributes:
        requests: How many requests carried it.
        faults: How many of them something went wrong with, on its account.
        answers: How many of them were answered, whole.
    """

    requests: int = 0
    faults: int = 0
    answers: int = 0


class Script:
    """Tells what goes wrong with each request, and keeps count: the first scenario met counts."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        refused = [one.wait for one in scenarios if one.name == Fault.REFUSED]
        self.seconds_refused = max(refused, default=0)
        self._scenarios = [one for one in scenarios if one.name != Fault.REFUSED]
        self._records: dict[str, PromptRecord] = {}
        self._lock = threading.Lock()

    @property
    def records(self) -> dict[str, PromptRecord]:
        with self._lock:
            return {prompt: replace(record) for prompt, record in self._records.items()}

    def begin(self, path: str, prompts: Sequence[str]) -> tuple[Fault, float] | None:
        """Count a request; return what is to go wrong with it, and the scenario's seconds."""
        with self._lock:
            for prompt in prompts:
                self._records.setdefault(prompt, PromptRecord()).requests += 1
            met = [(prompt, self._fault(path, prompt)) for prompt in prompts]
            filtered = [one for one in met if one[1] and one[1][0] is Fault.FILTER]
            for prompt, found in (filtered or met)[:1]:
                self._records[prompt].faults += found is not None
                return found
            return None

    def answered(self, prompts: Sequence[str]) -> None:
        """Count an answer that was sent to its end."""
        with self._lock:
            for prompt in prompts:
                self._records[prompt].answers += 1

    def _fault(self, path: str, prompt: str) -> tuple[Fault, float] | None:
        for scenario in self._scenarios:
            fault = scenario.fault_of(prompt) if scenario.path in path else None
            if fault in _OF_BATCHES and not path.endswith("/batches"):
                continue
            if fault is not None:
                is_over = scenario.is_over(fault, self._records[prompt].faults)
                return None if is_over else (fault, scenario.wait)
        return None
