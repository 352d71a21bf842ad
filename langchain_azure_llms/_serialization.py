"""Mappings as files: JSON and YAML, chosen by the file's suffix.

Files are read by safe loaders only. YAML's tags, aliases and dates are refused or left as text: no
file of ours needs them, aliases can grow without bound, and `api_version: 2024-10-21` is a text.
"""

from __future__ import annotations

import json
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from langchain_azure_llms.exceptions import (
    LoadError,
    MissingFileError,
    UnreadableFileError,
    UnsupportedFileError,
)


class Codec(NamedTuple):
    """One file format.

    Attributes:
        decode: Turns a text into a value; raises ValueError or yaml.YAMLError if it cannot.
        encode: Turns a mapping into a text.
    """

    decode: Callable[[str], Any]
    encode: Callable[[Mapping[str, Any]], str]


class _PlainLoader(yaml.SafeLoader):
    """Reads plain values: no aliases, no dates."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias, which is not allowed")
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [pair for pair in resolvers if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader that does even less


def _write_yaml(value: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=False)
    return text


def _write_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


_JSON = Codec(json.loads, _write_json)
_YAML = Codec(_read_yaml, _write_yaml)
_CODECS = {".json": _JSON, ".yaml": _YAML, ".yml": _YAML}


def read(path: Path) -> dict[str, Any]:
    """Return the mapping that a file holds.

    Raises:
        UnsupportedFileError: If the suffix is none of .json, .yaml and .yml.
        LoadError: If the file cannot be read, or holds no mapping.
    """
    decode = _codec_for(path).decode
    reason, error_class = None, LoadError
    try:
        value = decode(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        error_class = _class_of(error)
        reason = f"it cannot be read: {error.strerror or error}"
    except RecursionError:
        reason = "it is nested too deeply"
    except (ValueError, yaml.YAMLError) as error:
        reason = f"it is no {path.suffix[1:].upper()}: {_without_content(error)}"
    if reason is None and not isinstance(value, dict):
        reason = f"it holds a {type(value).__name__}, expected a mapping with _type"
    if reason is not None:
        raise error_class(f"{path} cannot be loaded: {reason}.", path=str(path))
    return dict(value)


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping to a file, whole or not at all; missing folders are made.

    Raises:
        UnsupportedFileError: If the suffix is none of .json, .yaml and .yml.
        OSError: If the file cannot be written.
    """
    text = _codec_for(path).encode(value)
    path = path.resolve()  # behind a link, the file it stands for is written
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
        if path.exists():  # one that others may not read stays so
            part.chmod(stat.S_IMODE(path.stat().st_mode))
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _without_content(error: Exception) -> str:
    """Return what a parser says without what it quotes: a file may hold secrets."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{(error.problem or '').partition(chr(39))[0].strip()}{place}"


def _codec_for(path: Path) -> Codec:
    codec = _CODECS.get(path.suffix.lower())
    if codec is None:
        expected = ", ".join(_CODECS)
        raise UnsupportedFileError(
            f"{path} has the suffix {path.suffix!r}, expected one of {expected}.", path=str(path)
        )
    return codec


def _class_of(error: OSError) -> type[LoadError]:
    if isinstance(error, FileNotFoundError):
        return MissingFileError
    return UnreadableFileError if isinstance(error, PermissionError) else LoadError
