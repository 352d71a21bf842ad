"""Which header a request carries, and where its value comes from."""

from langchain_azure_llms.auth.authorization import (
    Authorization,
    api_key,
    bearer,
    credential_authorization,
    provider_authorization,
)
from langchain_azure_llms.auth.credentials import (
    check_credential,
    check_secret,
    is_web_token,
    key_of,
)

__all__ = [
    "Authorization",
    "api_key",
    "bearer",
    "check_credential",
    "check_secret",
    "credential_authorization",
    "is_web_token",
    "key_of",
    "provider_authorization",
]
