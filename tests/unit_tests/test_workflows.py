"""What runs in CI: tasks of the Makefile alone, with few rights, of pinned actions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
GITHUB = REPOSITORY / ".github"
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
PYPROJECT = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z_-]+):", MAKEFILE, re.M))

Mapping = dict[Any, Any]


def _read(path: Path) -> Mapping:
    value = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value


WORKFLOWS = {path.stem: _read(path) for path in sorted((GITHUB / "workflows").glob("*.yml"))}
JOBS = {
    f"{workflow}.{name}": job
    for workflow, content in WORKFLOWS.items()
    for name, job in content["jobs"].items()
}
each_job = pytest.mark.parametrize("name", JOBS)


def _steps(job: Mapping, key: str) -> Iterator[str]:
    return (step[key] for step in job["steps"] if key in step)


def _targets(job: Mapping) -> set[str]:
    words = " ".join(_steps(job, "run")).split()
    return {word for word in words if word != "make" and "=" not in word}


def test_there_are_these_workflows() -> None:
    """One for each change, one for each week, one for each release."""
    assert list(WORKFLOWS) == ["ci", "release", "weekly"]


@each_job
def test_a_job_runs_tasks_of_the_makefile_and_nothing_else(name: str) -> None:
    """So that what CI does, a developer can."""
    for command in _steps(JOBS[name], "run"):
        assert re.fullmatch(r"make [a-z_-]+( [A-Z]+=\w+)*", command), command
    assert _targets(JOBS[name]) <= TARGETS


@each_job
def test_a_job_ends_by_itself(name: str) -> None:
    """A test that hangs must not take six hours."""
    assert 0 < JOBS[name]["timeout-minutes"] <= 60


@each_job
def test_actions_are_pinned_to_a_commit(name: str) -> None:
    """A tag can be moved to other code."""
    for action in _steps(JOBS[name], "uses"):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action


def test_each_pin_says_its_version_and_is_the_same_everywhere() -> None:
    """In the comment that updates are read from."""
    text = "".join(path.read_text() for path in (GITHUB / "workflows").glob("*.yml"))
    pins = re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})( # v\d+\.\d+\.\d+)?\n", text)
    assert len(pins) == text.count("uses: ")
    assert all(version for _, _, version in pins)
    assert len({action for action, *_ in pins}) == len(set(pins))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_only_publishing_may_write(workflow: str) -> None:
    """And only what it has to; nothing else in CI can change anything."""
    assert WORKFLOWS[workflow]["permissions"] in ({}, {"contents": "read"})
    for name, job in WORKFLOWS[workflow]["jobs"].items():
        written = {what for what, right in job.get("permissions", {}).items() if right == "write"}
        publishes = (workflow, name) == ("release", "publish")
        assert written == ({"attestations", "id-token"} if publishes else set())


@each_job
def test_a_checkout_leaves_no_credentials_behind(name: str) -> None:
    """Tests run code of whoever sent them."""
    for step in JOBS[name]["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_oldest_and_the_newest_python_are_tested() -> None:
    """Those that pyproject.toml claims."""
    claimed = re.findall(r"Python :: (3\.\d+)", PYPROJECT)
    for name in ("ci.test", "ci.wheel", "release.test"):
        assert JOBS[name]["strategy"]["matrix"]["python-version"] == [claimed[0], claimed[-1]]


def test_what_is_published_was_built_once_and_tested() -> None:
    """The publishing job gets the files of the job that built them, after the tests."""
    jobs = WORKFLOWS["release"]["jobs"]
    assert [jobs[name].get("needs") for name in jobs] == [None, "build", "test"]
    builds = [name for name, job in jobs.items() if "dist" in _targets(job)]
    assert builds == ["build"]
    assert not _targets(jobs["publish"])
    assert list(_steps(jobs["test"], "run")) == ["make wheel-test DIST=dist"]


def test_check_is_what_ci_runs() -> None:
    """But for the demo, which is a test of `make test` too."""
    (listed,) = re.findall(r"^check: ([a-z_ -]+) ##", MAKEFILE, re.M)
    ran = {target for job in WORKFLOWS["ci"]["jobs"].values() for target in _targets(job)}
    assert set(listed.split()) == ran - {"demo"}


@pytest.mark.parametrize(
    "form", sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda path: path.stem
)
def test_a_form_for_issues_asks_for_something(form: Path) -> None:
    """Each of its fields has a name of its own and a label."""
    content = _read(form)
    assert {"name", "description", "body"} <= content.keys()
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["label"] for field in fields)
    assert len(fields) == len({field["id"] for field in fields})
    assert any(field.get("validations", {}).get("required") for field in fields)
