"""The catalogue of texts: whole, used, and true to the numbers it carries."""

import re
import tomllib

import pytest

from postprocess.metrics import metrics
from postprocess.reporting.typeset import sheet_words
from postprocess.reporting.words import CATALOGUE, SLOT, Words, languages
from postprocess.segments import CODES, WORDS
from postprocess.settings import ReportSettings
from postprocess.thresholds import thresholds

PL = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))["pl"]


def test_the_languages_of_the_catalogue_are_those_of_a_case():
    allowed = ReportSettings.model_fields["language"].annotation.__args__
    assert set(allowed) == set(languages())


@pytest.mark.parametrize("text", sorted(PL))
def test_a_translation_fills_in_what_the_text_does(text):
    slots = re.findall(r"\{(\w+)\}", text)
    assert sorted(slots) == sorted(re.findall(r"\{(\w+)\}", PL[text]))
    assert len(set(slots)) == len(slots)
    # numbers that are part of a text are part of its translation
    assert sorted(re.findall(r"\d+", text)) == sorted(re.findall(r"\d+", PL[text]))


def unknown(*texts):
    words = Words("pl")
    for text in texts:
        words(text)
    return words.unknown


def test_every_label_and_definition_on_the_page_is_known():
    labels = [m.label.replace("{part}", "left") for m in metrics().values()]
    assert not unknown(*labels)
    assert not unknown(*(m.definition for m in metrics().values() if m.brief))


def test_every_word_of_the_templates_limits_and_veins_is_known():
    assert not unknown(*sheet_words())
    for known in thresholds().values():
        mark = re.sub(r"\[\w+\]", "[R1]", known.strength)
        assert not unknown(known.meaning, known.population, mark)
    assert not unknown(*(f"left {vein}" for _, vein in WORDS), *CODES)


def test_numbers_get_a_comma_and_what_is_filled_in_is_translated():
    words = Words("pl")
    said = words("Velocity ratio after to before the narrowing 2.7 "
                 "(beyond the commonly used limit ≤ 2.5).")
    assert said.replace("\u00a0", " ") == (
        "Iloraz prędkości za i przed zwężeniem 2,7 (poza zwykle stosowanym progiem ≤ 2,5).")
    assert words("0.33 mL") == "0,33\u00a0mL"
    assert words("+12 %; high").endswith("; wysokie")
    assert not words.unknown


def test_what_the_catalogue_does_not_know_stays_and_is_noted():
    words = Words("pl")
    assert words("Kowalska") == "Kowalska"
    assert words.unknown == {"Kowalska"}


def test_english_is_what_the_program_says():
    assert Words()("area 2.5 mm²") == "area 2.5 mm²"


def test_patterns_have_sound_names():
    assert not [text for text in PL if "{" in text and not SLOT.search(re.escape(text))]
