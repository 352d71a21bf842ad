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


_RETRY, _EXCHANGE = "transport/_retry.py", "transport/_exchange.py"
_RETRYING = (
    Mutation(
        "what cannot pass is not tried again",
        _RETRY,
        'if attempts > policy.max_retries or not getattr(error, "is_retryable", False):',
        "if attempts > policy.max_retries:",
        ("transport/test_retry.py", "transport/test_exchange.py"),
    ),
    Mutation(
        "retries have an end",
        _RETRY,
        "if attempts > policy.max_retries or not",
        "if attempts > policy.max_retries + 1 or not",
        ("transport/test_retry.py", "transport/test_exchange.py"),
    ),
    Mutation(
        "these statuses may pass",
        _RETRY,
        "frozenset({408, 429, 500, 502, 503, 504})",
        "frozenset({408, 429, 500, 502, 504})",
        ("transport/test_retry.py",),
    ),
    Mutation(
        "a failed container is judged by its own status",
        _RETRY,
        "        return model_status in RETRYABLE_STATUSES or reason in RETRYABLE_REASONS\n",
        "        return True\n",
        ("transport/test_retry.py",),
    ),
    Mutation(
        "retry-after-ms counts milliseconds",
        _RETRY,
        '_scaled(headers.get("retry-after-ms"), 0.001),',
        '_scaled(headers.get("retry-after-ms"), 1.0),',
        ("transport/test_retry.py",),
    ),
    Mutation(
        "a requested wait is kept to",
        _RETRY,
        "        return error.retry_after\n    doublings",
        "        pass\n    doublings",
        ("transport/test_retry.py", "transport/test_exchange.py"),
    ),
    Mutation(
        "a wait beyond the cap ends at once",
        "transport/_errors.py",
        "is_retryable=transient and (retry_after is None or retry_after <= longest_wait),",
        "is_retryable=transient,",
        ("transport/test_errors.py", "transport/test_exchange.py"),
    ),
    Mutation(
        "a limit that others met is waited out",
        _EXCHANGE,
        "if policy.max_retries else 0.0",
        "if policy.max_retries > 99 else 0.0",
        ("transport/test_exchange.py",),
    ),
    Mutation(
        "a 429 holds fellow callers back",
        _EXCHANGE,
        "cooldowns.note(request.limit_key, error, clock(), policy.max_wait)",
        "_ = clock()",
        ("transport/test_exchange.py",),
    ),
    Mutation(
        "a success ends the cool-down",
        _EXCHANGE,
        "cooldowns.clear(",
        "(lambda *_: None)(",
        ("transport/test_exchange.py", "transport/test_retry.py"),
    ),
    Mutation(
        "an error under a 200 is an error",
        _EXCHANGE,
        "return reply if hidden is None else Reply(",
        "return reply if True else Reply(",
        ("llms/test_azure_openai.py", "llms/test_online_endpoint.py"),
    ),
)
_SENDING = (
    Mutation(
        "an Azure OpenAI key travels as api-key",
        "auth/_authorization.py",
        'return Authorization({"api-key": value}, identity=hash(value))',
        'return Authorization({"Authorization": f"Bearer {value}"}, identity=hash(value))',
        ("llms/test_azure_openai.py", "llms/test_azure_openai_settings.py"),
    ),
    Mutation(
        "an Azure ML key travels as bearer",
        "auth/_authorization.py",
        'return Authorization({"Authorization": value}, identity=hash(value))',
        'return Authorization({"api-key": value}, identity=hash(value))',
        ("llms/test_online_endpoint.py",),
    ),
    Mutation(
        "two explicit credentials are refused",
        "llms/_connected.py",
        "if len(given := self._explicit_credentials) > 1:",
        "if len(given := self._explicit_credentials) > 9:",
        ("llms/test_azure_openai_settings.py",),
    ),
    Mutation(
        "a refused token is replaced after a 401",
        _EXCHANGE,
        "if outcome.status == _UNAUTHORIZED and request.needs_token and not refreshed:",
        "if False:",
        ("transport/test_exchange.py",),
    ),
    Mutation(
        "a token is refreshed once",
        _EXCHANGE,
        "                refreshed = True\n",
        "",
        ("transport/test_exchange.py",),
    ),
    Mutation(
        "a refused token is not given again",
        "auth/_tokens.py",
        "        if token is None or token.text == refused:\n",
        "        if token is None:\n",
        ("auth/test_tokens.py",),
    ),
    Mutation(
        "keys do not travel over plain http",
        "llms/_urls.py",
        'if parts.scheme == "http" and not allow_plain_http and not is_loopback(host):',
        "if False:",
        ("llms/test_azure_openai_settings.py", "llms/test_online_endpoint.py"),
    ),
    Mutation(
        "redirects are not followed by threads",
        "transport/_sync.py",
        "follow_redirects=False",
        "follow_redirects=True",
        ("transport/test_drivers.py",),
    ),
    Mutation(
        "redirects are not followed in asyncio",
        "transport/_async.py",
        "follow_redirects=False",
        "follow_redirects=True",
        ("transport/test_drivers.py",),
    ),
    Mutation(
        "a reply has a largest size",
        "transport/_reading.py",
        "if self._size > MAX_BYTES:",
        "if False:",
        ("transport/test_drivers.py",),
    ),
    Mutation(
        "a token is replaced before it ends",
        "auth/_tokens.py",
        "        return now < self.expires_on - margin\n",
        "        return now < self.expires_on\n",
        ("auth/test_tokens.py",),
    ),
    Mutation(
        "a rate limiter is asked by threads",
        "llms/_connected.py",
        "            self.rate_limiter.acquire(blocking=True)\n",
        "            pass\n",
        ("llms/test_rate_limiter.py",),
    ),
    Mutation(
        "a rate limiter is asked in asyncio",
        "llms/_connected.py",
        "            await self.rate_limiter.aacquire(blocking=True)\n",
        "            pass\n",
        ("llms/test_rate_limiter.py",),
    ),
)
_ANSWERING = (
    Mutation(
        "completions are placed by index",
        "formatters/_openai.py",
        '        (_index_of(choice.get("index"), position), choice)\n',
        "        (position, choice)\n",
        ("formatters/test_completions.py",),
    ),
    Mutation(
        "completions come in the order of their index",
        "formatters/_openai.py",
        "return sorted(indexed, key=lambda pair: pair[0] or 0)",
        "return indexed",
        ("formatters/test_completions.py",),
    ),
    Mutation(
        "a batch that is refused for one prompt is split",
        "llms/_settling.py",
        "if isinstance(got, OF_ONE_PROMPT) and len(group) > 1:",
        "if False:",
        ("llms/test_batches.py",),
    ),
    Mutation(
        "the end marker ends a stream",
        "formatters/_stream.py",
        "            self.ended = True\n",
        "            pass\n",
        ("llms/test_azure_openai.py", "formatters/test_completions.py"),
    ),
    Mutation(
        "a stream without its end is no answer",
        "llms/_calls.py",
        "if not reader.is_complete:",
        "if False:",
        ("llms/test_azure_openai.py",),
    ),
    Mutation(
        "threads keep to max_concurrency",
        "llms/_windows.py",
        "            yield item, work(item)\n        return\n",
        "            yield item, work(item)\n        return\n    limit += 1\n",
        ("llms/test_windows.py",),
    ),
    Mutation(
        "tasks keep to max_concurrency",
        "llms/_windows.py",
        "        begin(limit)\n        while under_way:\n            item, task",
        "        begin(limit + 1)\n        while under_way:\n            item, task",
        ("llms/test_windows.py",),
    ),
    Mutation(
        "threads do not run ahead of a slow taker",
        "llms/_windows.py",
        "under_way = begin(limit)",
        "under_way = begin(limit + 1)",
        ("llms/test_batches.py::test_nothing_runs_ahead_of_a_slow_taker",),
    ),
    Mutation(
        "the form of a deployment is learned",
        "llms/_forms.py",
        "    learned.learn(plan.deployment, form)\n",
        "",
        ("llms/test_forms.py",),
    ),
    Mutation(
        "the endpoint tells LLMs apart in caches",
        "llms/_fields.py",
        '        "allowed_special",\n',
        '        "allowed_special",\n        "azure_endpoint",\n        "endpoint_url",\n',
        ("llms/test_identity.py",),
    ),
)
_SECRETS = (
    Mutation(
        "URLs are shown without their query and user-info",
        "_redact.py",
        """return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}\"""",
        "return url",
        ("test_redact.py", "transport/test_errors.py"),
    ),
    Mutation(
        "private headers show their names alone",
        "_redact.py",
        """return f"<{', '.join(map(str, self._held))}>\"""",
        "return repr(self._held)",
        ("transport/test_exchange.py", "llms/test_azure_openai.py", "llms/test_hostile_saving.py"),
    ),
    Mutation(
        "secret settings are not saved",
        "llms/_saved.py",
        "return _refused if name in hidden else",
        "return (lambda _n, v: (v.get_secret_value(), [])) if name in hidden else",
        ("llms/test_saving.py",),
    ),
    Mutation(
        "unknown headers are not saved",
        "llms/_saved.py",
        "for key, item in value.items() if key.lower() in allowed}",
        "for key, item in value.items()}",
        ("llms/test_saving.py",),
    ),
    Mutation(
        "a key of the environment stays out of pickles",
        "llms/_configured.py",
        'state["__dict__"] = {**values, **dict.fromkeys(stay)}',
        'state["__dict__"] = values',
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
        "_codecs.py",
        "class _PlainLoader(yaml.SafeLoader):",
        "class _PlainLoader(yaml.UnsafeLoader):",
        ("test_codecs.py",),
    ),
)
_SHORTER_WAYS = (
    Mutation(
        "whoever listens is told",
        "llms/_direct.py",
        "return any(map(_handlers_of, callbacks)) or any(",
        "return False and any(",
        ("llms/test_direct.py",),
    ),
    Mutation(
        "a cache is asked",
        "llms/_direct.py",
        "if self.callbacks or self.cache is True or self._cache_in_use is not None:",
        "if self.callbacks or self.cache is True:",
        ("llms/test_direct.py",),
    ),
    Mutation(
        "instruments see their calls",
        "llms/_direct.py",
        "if type(method) is not FunctionType:",
        "if not isinstance(method, FunctionType):",
        ("llms/test_direct.py",),
    ),
    Mutation(
        "an assigned setting counts at once",
        "llms/_configured.py",
        "self.__pydantic_private__)[KEPT] = {}",
        "self.__pydantic_private__).setdefault(KEPT, {})",
        ("llms/test_derived.py",),
    ),
    Mutation(
        "what is worked out of replaced settings is forgotten",
        "llms/_configured.py",
        "self.__pydantic_private__)[KEPT] = {}",
        "self.__pydantic_private__).setdefault(KEPT, {}).clear()",
        ("llms/test_derived.py",),
    ),
    Mutation(
        "a client that was closed is not used again",
        "transport/_pool.py",
        "return client if client is not None and not client.is_closed else None",
        "return client",
        ("transport/test_pool.py",),
    ),
    Mutation(
        "half a character does not make an answer unreadable",
        "formatters/_json.py",
        "        return _decode(text)\n",
        "        return from_json(text)\n",
        ("formatters/test_json.py",),
    ),
)
MUTATIONS = (*_RETRYING, *_SENDING, *_ANSWERING, *_SECRETS, *_SHORTER_WAYS)
