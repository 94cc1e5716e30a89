"""The texts of a report in another language, from one catalogue.

`texts.toml` has a table for each language: an English text, as the program says it, and its
translation. ``{name}`` stands for whatever the program fills in, which is translated in turn. What
the catalogue does not know (names, titles, sources) stays as it is.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).with_name("texts.toml")
ENGLISH = "en"
SLOT = re.compile(r"\\\{(\w+)\\\}")
UNIT = r"mm[²³]?|cm/s|m/s|mL(?:/min|/h)?|mmHg|m?Pa(?: s)?|1/s|1/Pa|s|h|min|deg|kg/m[\^³]3?|R\d+"
NUMBERS = re.compile(rf"[^A-Za-z]*(?:\b(?:{UNIT}))?\s*")
"""A number with its unit, or a reference mark: nothing to translate."""
COMMA = frozenset({"pl"})
"""Languages that write a comma in decimal fractions."""


class Words:
    """Translates the program's texts into ``language``; ``unknown`` gathers what it could not."""

    def __init__(self, language: str = ENGLISH) -> None:
        self.language = language
        self.unknown: set[str] = set()

    def __call__(self, text: str) -> str:
        """``text`` in the language, with its decimal sign."""
        if self.language == ENGLISH:
            return text
        found = held(self._found(text.replace("\u00a0", " ")))
        return re.sub(r"(?<=\d)\.(?=\d)", ",", found) if self.language in COMMA else found

    def _found(self, text: str) -> str:
        exact, patterns = _catalogue(self.language)
        if text in exact:
            return exact[text]
        if NUMBERS.fullmatch(text):
            return text
        for pattern, translated in patterns:
            match = pattern.fullmatch(text)
            if match:
                parts = {name: self._found(part) for name, part in match.groupdict().items()}
                return translated.format(**parts)
        for between in ("; ", " · ", ", "):
            if between in text:
                return between.join(map(self._found, text.split(between)))
        self.unknown.add(text)
        return text


def held(words: str) -> str:
    """``words`` with each number held to its unit on one line."""
    return re.sub(r"(?<=\d) (?=[\w%])|(?<=Pa) (?=s\b)|(?<=<) (?=\d)", "\u00a0", words)


@cache
def _catalogue(language: str) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Whole texts, and patterns with most words first."""
    table: dict[str, str] = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))[language]
    slotted = [text for text in table if "{" in text]
    slotted.sort(key=lambda text: -len(re.sub(r"\{\w+\}", "", text)))
    patterns = [
        (re.compile(SLOT.sub(r"(?P<\1>.+?)", re.escape(text))), table[text]) for text in slotted
    ]
    return {text: table[text] for text in table if "{" not in text}, patterns


def languages() -> list[str]:
    """The languages that a report can be written in."""
    return [ENGLISH, *tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))]
