"""A table of plain values as TOML text, and the line of a text where a key stands."""

import datetime
import json
import re
from collections.abc import Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumps(table: Mapping[str, Any]) -> str:
    """``table`` (text, numbers, dates, lists, tables) as TOML; reads back as the same table."""
    return "\n".join(_section(table, ())).lstrip("\n") + "\n"


def _section(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{_key(k)} = {_value(v)}" for k, v in table.items() if k not in tables]
    if path and (lines or not tables):
        lines = ["", f"[{'.'.join(map(_key, path))}]", *lines]
    for key, value in tables.items():
        lines += _section(value, (*path, str(key)))
    return lines


def _key(key: object) -> str:
    text = str(key)
    return text if BARE.fullmatch(text) else _string(text)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case int() | float():
            return repr(value)
    raise TypeError(f"{value!r} cannot be written as TOML")


def _string(text: str) -> str:
    # JSON's escapes are TOML's too, but for the one control character that JSON lets pass
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def line_of(text: str, path: str) -> int | None:
    """The line (from 1) of ``text`` where the key at the dotted ``path`` is set, or the nearest
    table above it; None where neither stands in the text.
    """
    best, found = 0, None
    table: tuple[str, ...] = ()
    wanted = tuple(path.split("."))
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?([^\]]+)\]", line):
            here = table = _steps(header[1])
        elif setting := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            here = (*table, *_steps(setting[1]))
        else:
            continue
        if wanted[: len(here)] == here and len(here) > best:
            best, found = len(here), number
    return found


def _steps(dotted: str) -> tuple[str, ...]:
    return tuple(step.strip().strip("\"'") for step in dotted.split("."))
