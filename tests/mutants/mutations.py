"""The lines of the package that may never break unseen, each with a way to break it.

Each mutation takes away one promise: a test of the named ones has to fail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "langchain_azure_llms"
_UNIT_TESTS = "tests/unit_tests"


@dataclass(frozen=True)
class Mutation:
    """One broken line.

    Attributes:
        name: What the package does no more.
        file: Where, in the package.
        old: The text that stands there, exactly once.
        new: What takes its place.
        tests: The tests to run, by file or by name, under the unit tests.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def targets(self) -> list[str]:
        """The tests as pytest takes them, from the repository's root."""
        return [f"{_UNIT_TESTS}/{test}" for test in self.tests]

    def problem(self, root: Path) -> str | None:
        """Return why it cannot be made in a copy of the repository; None if it can."""
        path = root / PACKAGE / self.file
        if not path.is_file():
            return f"{self.name}: there is no {PACKAGE}/{self.file}."
        found = path.read_text(encoding="utf-8").count(self.old)
        if found != 1:
            return f"{self.name}: {PACKAGE}/{self.file} has {found} times {self.old!r}, not once."
        return None

    def apply(self, root: Path) -> None:
        """Break the line in a copy of the repository.

        Raises:
            ValueError: If the text does not stand there exactly once.
        """
        problem = self.problem(root)
        if problem is not None:
            raise ValueError(problem)
        path = root / PACKAGE / self.file
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def stale(mutations: tuple[Mutation, ...], root: Path) -> Iterator[str]:
    """Return what is wrong with each mutation that cannot be made any more."""
    return (problem for each in mutations if (problem := each.problem(root)) is not None)


_RETRY, _REQUEST = "http/retry.py", "http/request.py"
_RETRYING = (
    Mutation(
        "an error that is not retryable is not retried",
        _RETRY,
        'if attempts > policy.max_retries or not getattr(error, "is_retryable", False):',
        "if attempts > policy.max_retries:",
        ("http/test_retry.py", "http/test_request.py"),
    ),
    Mutation(
        "retries have an end",
        _RETRY,
        "if attempts > policy.max_retries or not",
        "if attempts > policy.max_retries + 1 or not",
        ("http/test_retry.py", "http/test_request.py"),
    ),
    Mutation(
        "these statuses are retryable",
        _RETRY,
        "frozenset({408, 429, 500, 502, 503, 504})",
        "frozenset({408, 429, 500, 502, 504})",
        ("http/test_retry.py",),
    ),
    Mutation(
        "a failed container is judged by its own status",
        _RETRY,
        "        return model_status in RETRYABLE_STATUSES or reason in RETRYABLE_REASONS\n",
        "        return True\n",
        ("http/test_retry.py",),
    ),
    Mutation(
        "retry-after-ms counts milliseconds",
        _RETRY,
        '_scaled(headers.get("retry-after-ms"), 0.001),',
        '_scaled(headers.get("retry-after-ms"), 1.0),',
        ("http/test_retry.py",),
    ),
    Mutation(
        "a requested wait is kept to",
        _RETRY,
        "        return error.retry_after\n    return backoff",
        "        pass\n    return backoff",
        ("http/test_retry.py", "http/test_request.py"),
    ),
    Mutation(
        "a wait beyond the limit ends at once",
        "http/errors.py",
        "is_retryable=retryable and (retry_after is None or retry_after <= max_wait),",
        "is_retryable=retryable,",
        ("http/test_errors.py", "http/test_request.py"),
    ),
    Mutation(
        "a rate limit that another request met is waited for",
        _REQUEST,
        "    if not request.policy.max_retries:\n",
        "    if not request.policy.max_retries > 99:\n",
        ("http/test_request.py",),
    ),
    Mutation(
        "a 429 makes other requests wait",
        _REQUEST,
        "cooldowns.note(request.rate_limit_key, error, surroundings.clock(), policy.max_wait)",
        "_ = surroundings.clock()",
        ("http/test_request.py",),
    ),
    Mutation(
        "a success ends the cool-down",
        _REQUEST,
        "cooldowns.clear(",
        "(lambda *_: None)(",
        ("http/test_request.py", "http/test_retry.py"),
    ),
    Mutation(
        "an error under a 200 is an error",
        _REQUEST,
        "return response if inner is None else HttpResponse(",
        "return response if True else HttpResponse(",
        ("llms/test_azure_openai.py", "llms/test_online_endpoint.py"),
    ),
)
_SENDING = (
    Mutation(
        "an Azure OpenAI key travels as api-key",
        "auth/authorization.py",
        'lambda: {"api-key": key.get_secret_value()}',
        'lambda: {"Authorization": f"Bearer {key.get_secret_value()}"}',
        ("llms/test_azure_openai.py", "llms/test_azure_openai_settings.py"),
    ),
    Mutation(
        "an Azure ML key travels as bearer",
        "auth/authorization.py",
        'lambda: {"Authorization": f"Bearer {token.get_secret_value()}"}',
        'lambda: {"api-key": token.get_secret_value()}',
        ("llms/test_online_endpoint.py",),
    ),
    Mutation(
        "two explicit credentials are refused",
        "llms/checks.py",
        "if len(passed := [name for name in given if name is not None]) > 1:",
        "if len(passed := [name for name in given if name is not None]) > 9:",
        ("llms/test_azure_openai_settings.py",),
    ),
    Mutation(
        "a refused token is replaced after a 401",
        _REQUEST,
        "if response.status == _UNAUTHORIZED and request.needs_token and not has_refreshed:",
        "if False:",
        ("http/test_request.py",),
    ),
    Mutation(
        "a token is refreshed once",
        _REQUEST,
        "                has_refreshed = True\n",
        "",
        ("http/test_request.py",),
    ),
    Mutation(
        "a refused token is not given again",
        "auth/tokens.py",
        "        if token is None or token.text == refused:\n",
        "        if token is None:\n",
        ("auth/test_tokens.py",),
    ),
    Mutation(
        "keys do not travel over plain http",
        "llms/urls.py",
        'if parts.scheme == "http" and not allow_plain_http and not is_loopback(host):',
        "if False:",
        ("llms/test_azure_openai_settings.py", "llms/test_online_endpoint.py"),
    ),
    Mutation(
        "a token is replaced before it ends",
        "auth/tokens.py",
        "end - min(_MARGIN, max(0.0, end - now) / 10))",
        "end)",
        ("auth/test_tokens.py",),
    ),
    Mutation(
        "a token is kept as long as its credential",
        "auth/tokens.py",
        "    return _caches.setdefault(key, CachedTokens())\n",
        "    return CachedTokens()\n",
        ("auth/test_credentials.py", "auth/test_tokens.py"),
    ),
    Mutation(
        "a rate limiter is asked by threads",
        "http/sync_io.py",
        "                    endpoint.rate_limiter.acquire(blocking=True)\n",
        "                    pass\n",
        ("llms/test_rate_limiter.py",),
    ),
    Mutation(
        "a rate limiter is asked in asyncio",
        "http/async_io.py",
        "                    await endpoint.rate_limiter.aacquire(blocking=True)\n",
        "                    pass\n",
        ("llms/test_rate_limiter.py",),
    ),
    Mutation(
        "a response that began was sent",
        "http/failures.py",
        "    if response_began:\n",
        "    if False:\n",
        ("http/test_failures.py",),
    ),
)
_ANSWERING = (
    Mutation(
        "completions are placed by index",
        "openai_api/choices.py",
        '        (_index_of(choice.get("index"), position), choice)\n',
        "        (position, choice)\n",
        ("openai_api/test_completions.py",),
    ),
    Mutation(
        "a request that is refused for one prompt is halved",
        "llms/batching.py",
        "        if len(pack) == 1:\n",
        "        if True:\n",
        ("llms/test_batches.py",),
    ),
    Mutation(
        "the end marker ends a stream",
        "openai_api/stream.py",
        "            self.ended = True\n",
        "            pass\n",
        ("llms/test_azure_openai.py", "openai_api/test_completions.py"),
    ),
    Mutation(
        "a stream without its end is not an answer",
        "llms/completion.py",
        "if not reader.is_complete:",
        "if False:",
        ("llms/test_azure_openai.py",),
    ),
    Mutation(
        "threads keep to max_concurrency",
        "llms/concurrency.py",
        "for item in islice(remaining, max(0, limit() - not_taken)):",
        "for item in islice(remaining, max(0, limit() + 1 - not_taken)):",
        ("llms/test_batches.py",),
    ),
    Mutation(
        "tasks keep to max_concurrency",
        "llms/concurrency.py",
        "self._begin(max(0, self._limit() - self._not_taken))",
        "self._begin(max(0, self._limit() + 1 - self._not_taken))",
        ("llms/test_batches.py",),
    ),
    Mutation(
        "the API of a deployment is remembered",
        "llms/api_cache.py",
        "        self._apis[builder.deployment] = api\n",
        "        pass\n",
        ("llms/test_forms.py",),
    ),
    Mutation(
        "the endpoint tells LLMs apart in caches",
        "llms/settings.py",
        '        "allowed_special",\n',
        '        "allowed_special",\n        "azure_endpoint",\n        "endpoint_url",\n',
        ("llms/test_identity.py",),
    ),
    Mutation(
        "an assigned setting counts at the next call",
        "llms/base.py",
        "            copying.drop_cached(self)\n\n    def __delattr__",
        "            pass\n\n    def __delattr__",
        ("llms/test_configured.py", "llms/test_odd_uses.py", "llms/test_azure_openai_settings.py"),
    ),
    Mutation(
        "half a character does not make an answer unreadable",
        "openai_api/json_body.py",
        "        return json.loads(body)  # bytes",
        "        return from_json(body)  # bytes",
        ("openai_api/test_json_body.py",),
    ),
    Mutation(
        "refusals for being busy are no failed attempts of a batch",
        _REQUEST,
        "                self.count += wait is not None\n",
        "                self.count += 0\n",
        ("llms/test_backpressure.py",),
    ),
    Mutation(
        "a batch lowers its concurrency while the service is busy",
        "http/backpressure.py",
        "max(1.0, self._limit / 2), now",
        "self._limit, now",
        ("llms/test_backpressure.py",),
    ),
    Mutation(
        "a parameter that was refused is sent under its other name",
        "llms/completion.py",
        "            if found is None or found[0] in substituted:\n",
        "            if True:\n",
        ("llms/test_forms.py",),
    ),
    Mutation(
        "an error of a score script is no completion",
        "http/error_in_success.py",
        "            case [first, *_]:\n",
        "            case [first, _, *_]:\n",
        ("wire/test_reports.py",),
    ),
    Mutation(
        "a formatter's state belongs to one request",
        "formatters/adapter.py",
        "        return copy(formatter)\n",
        "        return formatter\n",
        ("llms/test_old_code.py",),
    ),
    Mutation(
        "a reply is read in its own encoding",
        "http/messages.py",
        "        if is_named or body.startswith(UTF_16_MARKS):\n",
        "        if body.startswith(UTF_16_MARKS):\n",
        ("wire/test_reports.py",),
    ),
)
_SECRETS = (
    Mutation(
        "URLs are shown without their query and user-info",
        "_redaction.py",
        """return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}\"""",
        "return url",
        ("test_redaction.py", "http/test_errors.py"),
    ),
    Mutation(
        "private headers show their names alone",
        "_redaction.py",
        """return f"<{', '.join(map(str, self._values))}>\"""",
        "return repr(self._values)",
        ("http/test_request.py", "llms/test_azure_openai.py", "llms/test_hostile_saving.py"),
    ),
    Mutation(
        "secret settings are not saved",
        "llms/saved_settings.py",
        "return _refused if name in hidden else",
        "return (lambda _n, v: (v.get_secret_value(), [])) if name in hidden else",
        ("llms/test_saving.py",),
    ),
    Mutation(
        "unknown headers are not saved",
        "llms/saved_settings.py",
        "for key, item in value.items() if key.lower() in allowed}",
        "for key, item in value.items()}",
        ("llms/test_saving.py",),
    ),
    Mutation(
        "a key of the environment stays out of pickles",
        "llms/copying.py",
        "    for name in stay:\n        del values[name]\n",
        "",
        ("llms/test_travelling.py",),
    ),
    Mutation(
        "a file's endpoint is held to allowed_hosts",
        "loading.py",
        "if not any(fnmatch(host, pattern.lower()) for pattern in patterns):",
        "if not list(patterns):",
        ("llms/test_saving.py", "llms/test_hostile_saving.py"),
    ),
    Mutation(
        "a file cannot set what only callers may",
        "loading.py",
        "forbidden = next((key for key in _ONLY_CALLERS if key in settings), None)",
        "forbidden = None",
        ("llms/test_saving.py", "llms/test_hostile_saving.py"),
    ),
    Mutation(
        "YAML names no Python objects",
        "_serialization.py",
        "class _PlainLoader(yaml.SafeLoader):",
        "class _PlainLoader(yaml.UnsafeLoader):",
        ("test_serialization.py",),
    ),
)
MUTATIONS = (*_RETRYING, *_SENDING, *_ANSWERING, *_SECRETS)
