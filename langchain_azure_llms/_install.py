"""How an extra of this package is installed, by how the package itself was."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution

_NAME = "langchain-azure-llms"


def install_command(extra: str) -> str:
    """Return the command that installs an extra.

    A package that came from a folder, an archive or a repository is named with its address, which
    pip has noted (PEP 610): the index may have another package of that name, or none.
    """
    try:
        noted = distribution(_NAME).read_text("direct_url.json")
    except PackageNotFoundError:  # copied or frozen without what an installation adds
        noted = None
    value = json.loads(noted) if noted else {}
    url = str(value.get("url", ""))
    if url and "vcs_info" in value:
        url = f"{value['vcs_info'].get('vcs', 'git')}+{url}"
    return f'pip install "{_NAME}[{extra}]{f" @ {url}" if url else ""}"'
