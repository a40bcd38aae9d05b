"""Interpolation and environment of compose files, as compose itself does them."""

import json
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

ROOT = Path(__file__).parents[2]
OPERATORS = (":-", ":?", "-", "?")  # with a colon, empty counts as missing


def read_variables(env_file: str) -> dict[str, str]:
    """Return the variables of a .env file."""
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(env_file)).items()}


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Replace ${NAME}, ${NAME-default}, ${NAME?message} and $$; fail if a required variable is missing."""
    result = ""
    while "$" in text:
        before, _, text = text.partition("$")
        result += before
        if text.startswith("$"):
            result, text = result + "$", text[1:]
        else:
            assert text.startswith("{"), f"${text} is not a reference"
            end = _find_closing_brace(text)
            result, text = result + _resolve(text[1:end], values), text[end + 1 :]
    return result + text


def _find_closing_brace(text: str) -> int:
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if not depth:
            return index
    raise AssertionError(f"{text} is not closed")


def _resolve(reference: str, values: Mapping[str, str]) -> str:
    found = [(reference.index(each), -len(each), each) for each in OPERATORS if each in reference]
    operator = min(found)[-1] if found else ""
    name, _, argument = reference.partition(operator) if operator else (reference, "", "")
    given = values.get(name)
    if given is not None and (given or not operator.startswith(":")):
        return given
    assert operator.endswith("-"), f"${{{reference}}} needs a value"
    return interpolate(argument, values)


def load_compose(file: str, env_file: str | Mapping[str, str]) -> dict[str, Any]:
    """Return a compose file with this .env beside it, its references replaced."""
    values = read_variables(env_file) if isinstance(env_file, str) else env_file
    # Each string by itself, as JSON: a value may have characters that YAML gives a meaning.
    text = json.dumps(yaml.safe_load((ROOT / file).read_text()), ensure_ascii=False)
    strings = re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: _replace(found[0], values), text)
    loaded: dict[str, Any] = json.loads(strings)
    return loaded


def _replace(string: str, values: Mapping[str, str]) -> str:
    return json.dumps(interpolate(json.loads(string), values))


def container_environment(service: Mapping[str, Any], env_file: Mapping[str, str]) -> dict[str, str]:
    """Return a service's variables: those of its env_file, then its own over them."""
    files = service.get("env_file", [])
    own: dict[str, str] = service.get("environment", {})
    assert files in ([], ".env", [".env"]), files
    return (dict(env_file) if files else {}) | own


def variables_named(text: str) -> Iterator[str]:
    """Yield the name of each variable that a compose file refers to."""
    while "${" in text:
        _, _, text = text.partition("${")
        name = text[: next(i for i, each in enumerate(text) if not (each.isalnum() or each == "_"))]
        yield name
