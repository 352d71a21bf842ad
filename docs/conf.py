"""How Sphinx builds this documentation: `make docs`."""
# ruff: noqa: INP001 - a folder of pages, not a package

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where `docs` is found

project = "langchain-azure-llms"
release = version = installed_version(project)

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docs._extensions.docstrings_in_markdown",
    "docs._extensions.languages",
    "docs._extensions.public_names",
    "docs._extensions.settings_of_llms",
]
exclude_patterns = ["_extensions", "readme"]  # the latter is for the repository's visitors
nitpick_ignore_regex = [
    (r"py:.*", r"(langchain_azure_llms\.llms\.base\.)?AzureLLM"),  # either class: no public name
    # Names of other projects: resolving them would take the network.
    (r"py:.*", r"(?!langchain_azure_llms\b).*\..*"),
    (r"py:.*", r"(Any|Iterable|Mapping|Path|Self|Sequence|collections|optional|pathlib|pydantic)"),
]

myst_heading_anchors = 3
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
pygments_dark_style = "github-dark"  # the theme's own underlines names as if they were links
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
