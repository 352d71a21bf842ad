"""What header a request carries, and where its value comes from."""

from langchain_azure_llms.auth._authorization import (
    Authorization,
    api_key,
    bearer,
    check_secret,
    token_provider,
)

__all__ = ["Authorization", "api_key", "bearer", "check_secret", "token_provider"]
