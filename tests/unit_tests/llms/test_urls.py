"""Which URL a call goes to, for every form an endpoint's address is given in."""

import pytest

from langchain_azure_llms import AzureOpenAI
from langchain_azure_llms.exceptions import ConfigurationError
from langchain_azure_llms.llms.openai_urls import azure_openai_route, check_version
from langchain_azure_llms.llms.urls import check_url, is_loopback, with_query

_DATED = "2024-10-21"
_CLASSIC = "https://r.openai.azure.com/openai/deployments/d/completions?api-version=2024-10-21"
_V1 = "https://r.openai.azure.com/openai/v1/completions"


@pytest.mark.parametrize(
    ("address", "version", "expected"),
    [
        ("https://r.openai.azure.com", _DATED, _CLASSIC),
        ("https://r.openai.azure.com/", _DATED, _CLASSIC),
        ("https://r.openai.azure.com/openai", _DATED, _CLASSIC),
        ("https://r.openai.azure.com/openai/", _DATED, _CLASSIC),
        ("https://r.openai.azure.com/openai/v1", _DATED, _CLASSIC),
        ("https://r.openai.azure.com/openai/deployments/x", _DATED, _CLASSIC),
        (
            "https://r.openai.azure.com/openai/deployments/x/completions?api-version=2020-01-01",
            _DATED,
            _CLASSIC,
        ),
        (_CLASSIC, None, _CLASSIC),
        (
            "https://r.services.ai.azure.com",
            _DATED,
            "https://r.services.ai.azure.com/openai/deployments/d/completions"
            "?api-version=2024-10-21",
        ),
        (
            "https://gateway.example/team/llm/",
            _DATED,
            "https://gateway.example/team/llm/openai/deployments/d/completions"
            "?api-version=2024-10-21",
        ),
        (
            "https://gateway.example/team?tier=gold",
            _DATED,
            "https://gateway.example/team/openai/deployments/d/completions"
            "?tier=gold&api-version=2024-10-21",
        ),
        ("https://r.openai.azure.com", "v1", _V1),
        ("https://r.openai.azure.com/openai/v1", None, _V1),
        ("https://r.openai.azure.com/openai/v1/", None, _V1),
        ("https://r.openai.azure.com/openai/v1", "v1", _V1),
        ("https://r.openai.azure.com/openai/v1", "preview", f"{_V1}?api-version=preview"),
        (
            "https://gateway.example/x/openai/v1",
            None,
            "https://gateway.example/x/openai/v1/completions",
        ),
    ],
)
def test_each_form_of_address_ends_in_the_right_url(
    address: str, version: str | None, expected: str
) -> None:
    """Resource, gateway, whole deployment URL, v1."""
    assert azure_openai_route(address, version).url("completions", "d") == expected


def test_an_address_may_name_the_deployment() -> None:
    """Where no other is given, it counts."""
    route = azure_openai_route(_CLASSIC.replace("/d/", "/my%20d/"), None)
    assert route.deployment == "my d"


def test_a_version_of_the_environment_does_not_undo_a_v1_address() -> None:
    """OPENAI_API_VERSION lingers from older code."""
    address = "https://r.openai.azure.com/openai/v1"
    route = azure_openai_route(address, _DATED, version_is_explicit=False)
    assert route.url("completions", "d") == _V1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "https://b.example/x",
            "https://b.example/x/deployments/d/completions?api-version=2024-10-21",
        ),
        (
            "https://b.example/x/deployments/e",
            "https://b.example/x/deployments/e/completions?api-version=2024-10-21",
        ),
    ],
)
def test_an_exact_base_is_used_as_it_is(address: str, expected: str) -> None:
    """With `validate_base_url=False`."""
    route = azure_openai_route(address, _DATED, exact=True)
    assert route.url("completions", "d") == expected


def test_names_of_deployments_are_escaped() -> None:
    """A slash in a name is no path."""
    url = azure_openai_route("https://r.example", _DATED).url("completions", "a/b c?d")
    assert "/deployments/a%2Fb%20c%3Fd/completions" in url


@pytest.mark.parametrize("address", ["https://r.openai.azure.com", "https://gateway.example/x"])
def test_without_a_version_the_error_says_what_to_pass(address: str) -> None:
    """Both ways: a dated version, or v1."""
    with pytest.raises(ConfigurationError, match=r"api_version.*OPENAI_API_VERSION.*v1"):
        azure_openai_route(address, None)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:  # noqa: FBT001
    """Names that merely look like it are not."""
    assert is_loopback(host) is expected


def test_query_parameters_are_added_and_replaced() -> None:
    """What is there stays; the same name is replaced."""
    url = with_query("https://h.example/p?a=1&b=2#f", {"b": 3, "c": "x y"})
    assert url == "https://h.example/p?a=1&b=3&c=x+y"


def test_query_values_are_written_as_openais_client_writes_them() -> None:
    """Lists in brackets, truth in small letters, None not at all."""
    url = with_query("https://h.example/p?d=1", {"b": ["x", 2], "c": True, "d": None, "e": 1.5})
    assert url == "https://h.example/p?b%5B%5D=x&b%5B%5D=2&c=true&e=1.5"


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("https://portal.azure.com/#@t/resource/x", "the portal's page"),
        ("https://ai.azure.com/resource/deployments/x", "portal's page"),
        ("https://api.openai.com/v1", "OpenAI's own service"),
        ("https://api.openai.com./v1", "OpenAI's own service"),
        ("https://e.example\\.openai.azure.com", "expected a whole URL"),
        ("https://e.eastus.inference.ml.azure.com/score", "use AzureMLOnlineEndpoint"),
        ("https://E.EastUS.Models.AI.Azure.com", "use AzureMLOnlineEndpoint"),
        ("https://<resource>.openai.azure.com", "put your own names"),
        ("https://r.openai.azure.com/openai/deployments/e", "leave one of them out"),
    ],
)
def test_addresses_that_people_paste_by_mistake_are_refused(address: str, word: str) -> None:
    """Before a key goes to the wrong place; the error says what it is."""
    with pytest.raises(ConfigurationError) as raised:
        AzureOpenAI(
            azure_endpoint=address, azure_deployment="d", api_version="2024-10-21", api_key="k"
        )
    assert word in str(raised.value)


def test_a_long_version_is_not_quoted_whole() -> None:
    """A file's content, say, in the wrong variable."""
    with pytest.raises(ConfigurationError, match=r"api_version is '\?{77}\.\.\.', expected"):
        check_version("?" * 700_000)


@pytest.mark.parametrize(
    "address",
    [
        "  https://r.services.ai.azure.com/models ",
        "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-10-21",
        "https://r.services.ai.azure.com//openai//",
        "https://r.services.ai.azure.com/OpenAI\n",
        "https://r.services.ai.azure.com/openai/deployments/",
    ],
)
def test_what_is_odd_about_an_address_is_put_right(address: str) -> None:
    """White space, doubled slashes, capitals, other routes of the same resource."""
    llm = AzureOpenAI(
        azure_endpoint=address, azure_deployment="d", api_version=" 2024-10-21 ", api_key="k"
    )
    assert llm.route.url("completions", "d") == (
        "https://r.services.ai.azure.com/openai/deployments/d/completions?api-version=2024-10-21"
    )


@pytest.mark.parametrize(("version", "expected"), [("V1", "v1"), ("Preview", "preview")])
def test_versions_of_the_v1_api_are_known_in_any_case(version: str, expected: str) -> None:
    """The dated route would not find them."""
    llm = AzureOpenAI(
        azure_endpoint="https://r.example", azure_deployment="d", api_version=version, api_key="k"
    )
    assert (llm.openai_api_version, llm.route.is_v1) == (expected, True)


@pytest.mark.parametrize("version", ["2024-10-21?", "a b", "", "2024/10/21"])
def test_what_cannot_be_a_version_is_refused(version: str) -> None:
    """It would end in a 404."""
    with pytest.raises(ConfigurationError, match=r"api_version is|No API version"):
        AzureOpenAI(
            azure_endpoint="https://r.example",
            azure_deployment="d",
            api_version=version,
            api_key="k",
        )


@pytest.mark.parametrize(
    "address", ["https://user:12/s3cret@host.example", "https://u:1/#s3cret@host.example"]
)
def test_user_info_with_a_slash_is_not_taken_for_a_host(address: str) -> None:
    """The key would go to what looks like the user."""
    with pytest.raises(ConfigurationError, match="has a user name or password") as raised:
        check_url(address, "azure_endpoint")
    assert "s3cret" not in str(raised.value)


def test_a_url_with_user_info_is_not_shown() -> None:
    """Its password is a secret."""
    with pytest.raises(ConfigurationError) as raised:
        check_url("http://u:s3cret@h.example/p?k=s3cret", "endpoint_url")
    assert "s3cret" not in str(raised.value)
