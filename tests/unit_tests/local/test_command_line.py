"""The command's arguments and exit codes."""

import pytest

from langchain_azure_llms.local import LocalEndpointsError, __main__


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "x"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--threads", "0"],
        ["--engine", "x"],
        ["--no-such"],
    ],
    ids=" ".join,
)
def test_a_wrong_argument_ends_the_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the code that shells know for wrong usage, and the argument's name."""
    with pytest.raises(SystemExit) as caught:
        __main__.main(arguments)
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_an_error_is_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error; standard output is for the shell."""

    def fail() -> None:
        raise LocalEndpointsError("No weights.")

    monkeypatch.setattr(__main__, "weights", fail)
    assert __main__.main(["--fetch-only"]) == 1
    assert tuple(capsys.readouterr()) == ("", "No weights.\n")


def test_an_empty_key_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """It would let everybody in who sends none."""
    assert __main__.main(["--api-key", ""]) == 1
    assert "api_key" in capsys.readouterr().err


def test_an_unknown_scenario_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names that there are."""
    assert __main__.main(["--engine", "echo", "--scenario", "no-such"]) == 1
    assert "no scenario 'no-such': they are rate-limited-seconds, " in capsys.readouterr().err
