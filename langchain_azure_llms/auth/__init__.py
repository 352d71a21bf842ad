"""What header a request carries, and where its value comes from."""

from langchain_azure_llms.auth._authorization import (
    Authorization,
    api_key,
    bearer,
    check_secret,
    is_web_token,
    token_bearer,
)
from langchain_azure_llms.auth._credentials import check_credential, key_of

__all__ = [
    "Authorization",
    "api_key",
    "bearer",
    "check_credential",
    "check_secret",
    "is_web_token",
    "key_of",
    "token_bearer",
]
