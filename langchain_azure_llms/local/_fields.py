"""Checked reading of a JSON request body."""

from collections.abc import Container, Mapping
from typing import Any


class InvalidFieldError(ValueError):
    """A field of the body has a wrong type or value.

    Attributes:
        name: The field; empty when the body itself is wrong.
        code: OpenAI's code for what is wrong, where it has one.
    """

    def __init__(self, message: str, name: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.code = code


class Fields:
    """The fields of a JSON object. A missing field and `null` are the same.

    Raises:
        InvalidFieldError: When the body is not an object; every method, when its field is not as
        asked.
    """

    def __init__(self, body: Any) -> None:
        if not isinstance(body, Mapping):
            raise InvalidFieldError(f"The body must be a JSON object, not {_kind(body)}.")
        self._body = body

    def get(self, name: str) -> Any:
        """Return the field as it is."""
        return self._body.get(name)

    def get_all(self) -> dict[str, Any]:
        """Return all the fields as they are."""
        return dict(self._body)

    def refuse_others(self, known: Container[str], *, path: str = "") -> None:
        """Refuse fields that are not `known`, `null` or not; `path` leads to this object."""
        for name in self._body:
            if name not in known:
                message = f"Unknown parameter: '{path}{name}'."
                raise InvalidFieldError(message, path + name, code="unknown_parameter")

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`."""
        value = self._in_range(name, (int,), low, high)
        return None if value is None else int(value)

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number from `low` to `high`."""
        return self._in_range(name, (int, float), low, high)

    def flag(self, name: str) -> bool:
        """Return a truth value; False when missing."""
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidFieldError(f"{name} must be true or false, not {_kind(value)}.", name)
        return bool(value)

    def string(self, name: str) -> str | None:
        """Return a text."""
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidFieldError(f"{name} must be a string, not {_kind(value)}.", name)
        return value

    def object(self, name: str) -> "Fields":
        """Return the fields of an inner object; empty when missing."""
        value = self.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise InvalidFieldError(f"{name} must be an object, not {_kind(value)}.", name)
        return Fields(value or {})

    def strings(self, name: str, most: int) -> list[str]:
        """Return up to `most` non-empty strings; one may be given without a list."""
        value = self.get(name)
        listed = [value] if isinstance(value, str) else value or []
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise InvalidFieldError(f"{name} must be a string or a list of strings.", name)
        if len(listed) > most:
            raise InvalidFieldError(f"{name} must hold at most {most} strings.", name)
        return [item for item in listed if item]

    def _in_range(
        self, name: str, kinds: tuple[type, ...], low: float, high: float
    ) -> float | None:
        value: Any = self.get(name)
        if value is None:
            return None
        if type(value) not in kinds or not low <= value <= high:
            wanted = "a whole number" if kinds == (int,) else "a number"
            raise InvalidFieldError(f"{name} must be {wanted} from {low} to {high}.", name)
        number: float = value
        return number


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "an object" if isinstance(value, Mapping) else "a number")
