"""Text with a unit to SI and back."""

import pytest

from core.units import UnitError, from_si, length_factor, to_si


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("300 mL/min", "m^3/s", 5e-6),
        ("5 mL/s", "m^3/s", 5e-6),
        ("6 mmHg", "Pa", 799.9342),
        ("12 cmH2O", "Pa", 1176.798),
        ("0.8 mm", "m", 8e-4),
        ("-4 mm", "m", -4e-3),
        ("48 h", "s", 172800.0),
        ("3 weeks", "s", 1814400.0),
        ("3.5 mPa s", "Pa s", 3.5e-3),
        ("3.5 mPa*s", "Pa s", 3.5e-3),
        ("4 cP", "Pa s", 4e-3),
        ("20 um/min", "m/s", 20e-6 / 60),
        ("20 µm/min", "m/s", 20e-6 / 60),
        ("10 1/s", "1/s", 10.0),
        ("1e-9 m^2/s", "m^2/s", 1e-9),
        ("1.06 g/cm^3", "kg/m^3", 1060.0),
        ("30 %", "1", 0.3),
        ("0.3", "1", 0.3),
        (0.3, "1", 0.3),
        (2, "1", 2.0),
    ],
)
def test_text_to_si(text: object, unit: str, value: float) -> None:
    # conventional mmHg and cmH2O are given to seven digits
    assert to_si(text, unit) == pytest.approx(value, rel=2e-6)


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("5", "m", "has no unit"),
        (5, "m", "has no unit"),
        (5.0, "m^3/s", 'write e.g. "5.0 m'),
        ("5 s", "m", "wrong dimension"),
        ("5 mmHg", "m^3/s", "wrong dimension"),
        ("5 mm", "1", "wrong dimension"),
        ("five mm", "m", "cannot read|wrong dimension"),
        ("5 furlong per", "m", "cannot read"),
        ("5 xyz", "m", "cannot read"),
        ("", "m", "cannot read|has no unit"),
        ("nan m", "m", "not a finite number|cannot read"),
        ("inf m", "m", "not a finite number|cannot read"),
        (float("nan"), "1", "not a finite number"),
        (True, "1", "expected a quantity"),
        (None, "m", "expected a quantity"),
        (["5 mm"], "m", "expected a quantity"),
    ],
)
def test_what_cannot_be_understood(text: object, unit: str, said: str) -> None:
    with pytest.raises(UnitError, match=said):
        to_si(text, unit)


@pytest.mark.parametrize(
    ("value", "unit", "shown", "expected"),
    [
        (5e-6, "m^3/s", "mL/min", 300.0),
        (133.322387, "Pa", "mmHg", 1.0),
        (0.25, "1", "%", 25.0),
        (86400.0, "s", "h", 24.0),
    ],
)
def test_si_to_what_people_read(value: float, unit: str, shown: str, expected: float) -> None:
    assert from_si(value, unit, shown) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("unit", "metres"), [("mm", 1e-3), ("m", 1.0), ("cm", 1e-2), ("um", 1e-6)]
)
def test_length_factor(unit: str, metres: float) -> None:
    assert length_factor(unit) == pytest.approx(metres, rel=1e-15)


def test_length_factor_of_what_is_no_length() -> None:
    with pytest.raises(UnitError):
        length_factor("s")
