"""What LangChain promises of an LLM as an object: made, shown, told apart, copied, saved."""

import copy
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from langchain_core.language_models.llms import BaseLLM
from langchain_core.load import dumpd, dumps, loads

from tests.conformance.subject import LLMTests, environment, plain


class ObjectClaims(LLMTests, standard=True):
    """Settings and secrets."""

    def test_init(self) -> None:
        """It is made of its arguments, and is one of LangChain's LLMs."""
        assert isinstance(self.llm(), BaseLLM), "no BaseLLM"

    def test_arguments_are_left_alone(self) -> None:
        """The caller's own arguments are not changed."""
        given = self.llm_params
        before = {n: copy.deepcopy(v) if isinstance(v, dict) else v for n, v in given.items()}
        self.llm_class(**given)
        assert given == before, _differing(given, before)

    def test_init_from_env(self) -> None:
        """Settings that are not passed come from the environment."""
        variables, given, expected = self.init_from_env_params
        with environment(variables):
            made = self.llm_class(**given)
        found = {name: plain(getattr(made, name)) for name in expected}
        assert found == expected, _differing(found, expected)

    def test_arguments_beat_the_environment(self) -> None:
        """What is passed comes before the environment."""
        variables, _, settings = self.init_from_env_params
        expected = {name: plain(getattr(self.llm(), name)) for name in settings}
        with environment(variables):
            made = self.llm()
        found = {name: plain(getattr(made, name)) for name in settings}
        assert found == expected, _differing(found, expected)

    def test_secrets_are_masked(self) -> None:
        """Printing it shows no secret."""
        self._holds_no_secret(repr(self.llm()), str(self.llm()))

    def test_identity_holds_no_secret(self) -> None:
        """What tracers and caches know of it holds no secret."""
        llm = self.llm()
        self._holds_no_secret(str(llm._identifying_params), str(llm.asdict()))

    def test_dumps(self) -> None:
        """LangChain's `dumps` writes it, without its secrets."""
        llm = self.llm()
        self._holds_no_secret(dumps(llm))
        expected = "constructor" if llm.is_lc_serializable() else "not_implemented"
        assert dumpd(llm)["type"] == expected, f"not a {expected}"

    def test_loads(self) -> None:
        """What LangChain's `dumps` wrote, its `loads` reads, given the secrets."""
        llm = self.llm()
        if not llm.is_lc_serializable():
            pytest.skip("is not written")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `loads` is in beta
            loaded = loads(
                dumps(llm),
                allowed_objects=[type(llm)],
                valid_namespaces=[llm.lc_id()[0]],
                secrets_map=dict.fromkeys(llm.lc_secrets.values(), self.secrets[0]),
            )
        self._is_the_same(loaded, llm)

    def test_llm_type(self) -> None:
        """Its type has one name."""
        llm = self.llm()
        assert isinstance(llm._llm_type, str), "no text"
        assert llm._llm_type, "no name"
        assert llm._llm_type == self.llm(**self.other_endpoint_params)._llm_type, "two names"

    def test_endpoints_are_told_apart(self) -> None:
        """Its identity tells endpoints apart."""
        here, there = self.llm(), self.llm(**self.other_endpoint_params)
        assert here.asdict() == self.llm().asdict(), "no two objects have the same"
        assert here.asdict() != there.asdict(), "two endpoints have the same"

    def test_tracers_get_the_provider(self) -> None:
        """Tracers get its provider, and the stop sequences of a call."""
        params = self.llm()._get_ls_params(stop=["END"])
        assert params.get("ls_model_type") == "llm", "not an LLM"
        assert params.get("ls_provider"), "no provider"
        assert params.get("ls_stop") == ["END"], "no stop sequences"

    def test_pickles(self) -> None:
        """It can be pickled, for other processes."""
        llm = self.llm()
        self._is_the_same(pickle.loads(pickle.dumps(llm)), llm)

    def test_deepcopies(self) -> None:
        """It can be copied deeply."""
        llm = self.llm()
        self._is_the_same(copy.deepcopy(llm), llm)

    def test_copies_are_independent(self) -> None:
        """A changed copy does not change it."""
        llm = self.llm(tags=["kept"])
        before = copy.deepcopy(llm.asdict())
        copied = llm.model_copy(deep=True)
        copied.tags.append("of the copy")
        assert llm.tags == ["kept"], "changed"
        assert llm.asdict() == before, "changed"

    def test_saved_files_hold_no_secret(self) -> None:
        """Files hold no secret."""
        for path in self._saved():
            self._holds_no_secret(path.read_text())

    def test_saved_files_load(self) -> None:
        """What was saved as JSON or YAML loads, and is the same."""
        for path in self._saved():
            self._is_the_same(self.load(path), self.llm())

    def _saved(self) -> Iterator[Path]:
        if not self.supports_save:
            pytest.skip("is not saved")
        for suffix in ("json", "yaml"):
            with saved(self.llm(), suffix) as path:
                yield path

    def _holds_no_secret(self, *texts: str) -> None:
        assert self.secrets, "the suite must name a secret"
        shown = [secret for secret in self.secrets for text in texts if secret in text]
        assert not shown, "a secret shows"

    def _is_the_same(self, found: Any, llm: BaseLLM) -> None:
        assert found is not llm, "the object itself"
        assert type(found) is type(llm), "another class"
        before, after = llm.asdict(), found.asdict()
        assert after == before, _differing(after, before)


@contextmanager
def saved(llm: BaseLLM, suffix: str) -> Iterator[Path]:
    """Save an LLM for a while."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what was left out is given again
        path = Path(folder) / f"llm.{suffix}"
        llm.save(path)
        yield path


def _differing(found: dict[str, Any], expected: dict[str, Any]) -> str:
    names = [n for n in {**expected, **found} if found.get(n) != expected.get(n)]
    return f"other {', '.join(names)}"
