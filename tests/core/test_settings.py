"""Settings: quantities with ranges, helpful errors, and tables that read back as themselves."""

import pytest
from pydantic import Field, ValidationError

from core.errors import CaseError
from core.settings import Settings, effective, quantity, read, rows


class Valve(Settings):
    """A part with one of each kind of field."""

    width: float = quantity("m", "2 mm", "width of the gap", above="0 mm", at_most="5 mm")
    swing: float = quantity("1", 0.3, "share", at_least=0, at_most=1, source="a guess")
    at: tuple[float, float, float] = quantity("m", None, "its place")
    delay: float | None = quantity("s", meaning="delay", optional=True)
    name: str = "valve"


class Vein(Settings):
    """A part of parts."""

    valve: Valve
    others: dict[str, Valve] = Field(default_factory=dict)
    many: list[Valve] = Field(default_factory=list)


PLACE = {"at": ["10 mm", "-4 mm", "0.03 m"]}


def test_defaults_and_points_are_si() -> None:
    valve = read(Valve, PLACE, "case")
    assert (valve.width, valve.swing, valve.delay) == (2e-3, 0.3, None)
    assert valve.at == pytest.approx((0.01, -0.004, 0.03), rel=1e-15)


@pytest.mark.parametrize(
    ("table", "said", "where"),
    [
        ({}, "this key is missing", "case: at"),
        ({**PLACE, "widht": "1 mm"}, "unknown key 'widht'; did you mean 'width'", "case"),
        ({**PLACE, "zzz": 1}, "unknown key 'zzz'; known: width", "case"),
        ({**PLACE, "width": "2"}, "width: '2' has no unit", "case"),
        ({**PLACE, "width": 2}, "width: 2 has no unit", "case"),
        ({**PLACE, "width": "2 s"}, "wrong dimension", "case"),
        ({**PLACE, "width": "0 mm"}, "greater than 0", "case: width"),
        ({**PLACE, "width": "5.1 mm"}, "less than or equal to 0.005", "case: width"),
        ({**PLACE, "width": "nan mm"}, "cannot read|not a finite", "case"),
        ({**PLACE, "swing": 1.2}, "less than or equal to 1", "case: swing"),
        ({**PLACE, "swing": "-1 %"}, "greater than or equal to 0", "case: swing"),
        ({"at": ["1 mm", "2 mm"]}, "missing", "case: at"),
        ({"at": ["1 mm", "2 mm", "3"]}, "has no unit", "case"),
        ({**PLACE, "name": 3}, "string", "case: name"),
    ],
)
def test_mistakes_are_said_with_their_place(
    table: dict[str, object], said: str, where: str
) -> None:
    with pytest.raises(CaseError, match=said) as error:
        read(Valve, table, "case")
    assert error.value.where.startswith(where)
    assert error.value.exit_code == 2


def test_place_of_a_mistake_below() -> None:
    with pytest.raises(CaseError) as error:
        read(Vein, {"valve": {**PLACE, "width": "9 mm"}}, "case.toml")
    assert error.value.where == "case.toml: valve.width"


def test_number_of_further_mistakes_is_said() -> None:
    with pytest.raises(CaseError, match=r"\(and 1 more\)"):
        read(Valve, {**PLACE, "width": "9 mm", "swing": 3}, "case")


def test_frozen() -> None:
    valve = read(Valve, PLACE, "case")
    with pytest.raises(ValidationError):
        valve.width = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("more", [{}, {"delay": "1 ms"}, {"width": "0.1 mm", "swing": "12.5 %"}])
def test_effective_settings_read_back_as_themselves(more: dict[str, object]) -> None:
    table = {
        "valve": {**PLACE, **more},
        "others": {"left": {**PLACE, "name": "b"}},
        "many": [PLACE],
    }
    vein = read(Vein, table, "case")
    text = effective(vein)
    assert text["valve"]["width"].endswith(" m")
    assert text["valve"]["at"][1] == "-0.004 m"
    assert read(Vein, text, "again") == vein
    assert effective(read(Vein, text, "again")) == text


def test_rows_say_unit_source_and_what_is_default() -> None:
    table = {"valve": {**PLACE, "width": "1 mm"}, "others": {"left": PLACE}}
    found = {row.path: row for row in rows(read(Vein, table, "case"))}
    assert set(found) >= {"valve.width", "valve.swing", "valve.at", "others.left.width"}
    assert "valve.delay" not in found
    width, swing = found["valve.width"], found["valve.swing"]
    assert (width.value, width.unit, width.meaning, width.is_default) == (
        1e-3,
        "m",
        "width of the gap",
        False,
    )
    assert (swing.source, swing.is_default) == ("a guess", True)
