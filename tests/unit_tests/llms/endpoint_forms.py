"""The forms that an endpoint's address may have: what the tests check, and the docs show.

`python -m tests.unit_tests.llms.endpoint_forms` writes the page of the documentation.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "endpoint-forms.md"
_R, _S = "https://r.openai.azure.com", "https://r.services.ai.azure.com"
_PROJECT = f"{_S}/api/projects/p"
_GATEWAY = "https://gateway.example/team"
_VERSION = "2024-10-21"
_DATED = f"/openai/deployments/d/completions?api-version={_VERSION}"
_V1 = "/openai/v1/completions"


@dataclass(frozen=True)
class EndpointForm:
    """One form, and where requests go.

    Attributes:
        what: What it is, in words.
        settings: The constructor's arguments beside `azure_deployment="d"` and the key.
        url: Where text completions go; chat completions go to its sibling.
        root: What stands before `/openai/v1/responses`, where Responses go.
        query: What Responses have as a query.
        only: The API that the address itself is the URL of.
        v1_path: What stands before an operation of the v1 API.
    """

    what: str
    settings: dict[str, Any]
    url: str
    root: str = _R
    query: str = ""
    only: str | None = None
    v1_path: str = "/openai/v1"

    @property
    def chat_url(self) -> str:
        """Where chat completions go."""
        return self.url if self.only else self.url.replace("/completions", "/chat/completions")

    @property
    def responses_url(self) -> str:
        """Where Responses go."""
        return f"{self.root}{self.v1_path}/responses{self.query}"


def _form(
    what: str, url: str, address: str, version: str | None = _VERSION, **more: Any
) -> EndpointForm:
    settings = {"azure_endpoint": address, "api_version": version}
    names = ("root", "query", "only", "v1_path")
    fields = {name: more.pop(name) for name in names if name in more}
    settings = {name: value for name, value in (settings | more).items() if value is not None}
    return EndpointForm(what, settings, url, **fields)


FORMS = [
    _form("the resource", _R + _DATED, _R),
    _form("with a slash at its end", _R + _DATED, f"{_R}/"),
    _form("with `/openai`", _R + _DATED, f"{_R}/openai"),
    _form(
        "a whole deployment URL, as the portal shows it",
        _R + _DATED,
        f"{_R}/openai/deployments/d/completions?api-version={_VERSION}",
        None,
    ),
    _form(
        "the same of chat completions",
        _R + _DATED,
        f"{_R}/openai/deployments/d/chat/completions?api-version={_VERSION}",
        None,
    ),
    _form(
        "the same of Responses", _R + _DATED, f"{_R}/openai/responses?api-version={_VERSION}", None
    ),
    _form(
        "another version than the URL's",
        _R + _DATED,
        f"{_R}/openai/deployments/d/completions?api-version=2023-05-15",
    ),
    _form("a dated version of the v1 address", _R + _DATED, f"{_R}/openai/v1"),
    _form("a Foundry resource", _S + _DATED, _S, root=_S),
    _form("a gateway with a path", _GATEWAY + _DATED, _GATEWAY, root=_GATEWAY),
    _form(
        "a gateway with a query",
        f"{_GATEWAY}/openai/deployments/d/completions?tier=gold&api-version={_VERSION}",
        f"{_GATEWAY}?tier=gold",
        root=_GATEWAY,
        query="?tier=gold",
    ),
    _form("the v1 API", _R + _V1, _R, "v1"),
    _form("the v1 API by its address", _R + _V1, f"{_R}/openai/v1", None),
    _form("with a slash at its end", _R + _V1, f"{_R}/openai/v1/", None),
    _form(
        "previews of the v1 API",
        f"{_R}{_V1}?api-version=preview",
        _R,
        "preview",
        query="?api-version=preview",
    ),
    _form("the v1 API of a Foundry resource", _S + _V1, f"{_S}/openai/v1", None, root=_S),
    _form(
        "the v1 API behind a gateway",
        _GATEWAY + _V1,
        f"{_GATEWAY}/openai/v1",
        None,
        root=_GATEWAY,
    ),
    _form("a Foundry project", f"{_PROJECT}{_V1}", _PROJECT, None, root=_PROJECT),
    _form("with `/openai/v1`", f"{_PROJECT}{_V1}", f"{_PROJECT}/openai/v1/", None, root=_PROJECT),
    _form("with a dated version, which it has not", f"{_PROJECT}{_V1}", _PROJECT, root=_PROJECT),
    _form(
        "a managed deployment",
        f"{_S}/managed-deployments/d/v1/completions",
        f"{_S}/managed-deployments/d/v1",
        None,
        root=f"{_S}/managed-deployments/d",
        v1_path="/v1",
    ),
    _form(
        "a gateway's own URL of text completions",
        f"{_GATEWAY}/completions?tier=gold",
        f"{_GATEWAY}/completions?tier=gold",
        None,
        only="completions",
    ),
    _form(
        "a gateway's own URL of chat completions",
        f"{_GATEWAY}/chat/completions",
        f"{_GATEWAY}/chat/completions",
        None,
        only="chat_completions",
    ),
    _form(
        "a gateway's own URL of Responses",
        f"{_GATEWAY}/responses",
        f"{_GATEWAY}/responses",
        None,
        only="responses",
        root=_GATEWAY,
        v1_path="",
    ),
    EndpointForm(
        "the older name of the argument",
        {"openai_api_base": _R, "api_version": _VERSION},
        _R + _DATED,
    ),
    EndpointForm(
        "with the deployment in it",
        {"base_url": f"{_R}/openai/deployments/d", "api_version": _VERSION},
        _R + _DATED,
    ),
    EndpointForm(
        "an address that is used as it is",
        {"base_url": _GATEWAY, "api_version": _VERSION, "validate_base_url": False},
        f"{_GATEWAY}/deployments/d/completions?api-version={_VERSION}",
        root=_GATEWAY,
    ),
]


def page() -> str:
    """Return the page of the documentation."""
    rows = [f"| {form.what} | {_shown(form.settings)} | `{form.url}` |" for form in FORMS]
    return "\n".join(
        [
            "# Endpoint forms",
            "",
            "<!-- Written by `make tables` from what the tests check. -->",
            "",
            'Where `AzureOpenAI(azure_deployment="d", ...)` sends text completions. Chat '
            "completions go to",
            "`/chat/completions` in place of `/completions`; Responses have no deployment route, "
            "and always",
            "go to `/openai/v1/responses` of the same resource, project or gateway. The whole URL "
            "of one API is used as it",
            "is, without an API version; a deployment's name is sent where it is given.",
            "",
            "| address | given | request |",
            "|---|---|---|",
            *rows,
            "",
            "Without a version, and with an address that is not the v1 API's, there is no right "
            "URL: that is a",
            "`ConfigurationError`. A dated version in `OPENAI_API_VERSION` does not undo an "
            "address that ends in",
            "`/openai/v1`; one that is passed does.",
            "",
        ]
    )


def _shown(settings: dict[str, Any]) -> str:
    return "<br>".join(f"`{name}={value!r}`" for name, value in settings.items())


if __name__ == "__main__":
    PAGE.write_text(page())
