"""Text with a unit → SI number, and SI number → text. Inside the program every number is SI."""

import math
import re
from functools import cache

import pint

WRITTEN = re.compile(
    r"\s*[+-]?(\d+\.?\d*|\.\d+|nan|inf)(e[+-]?\d+)?"  # one number
    r"\s*(1\s*/)?(\s*[*·/]?\s*[a-zµμ°%][a-zµμ°%_0-9]*[²³]?(\s*(\^|\*\*)\s*[+-]?\d+)?)*\s*",
    re.IGNORECASE,
)
"""One number, then one unit: pint alone would read "0,8 mm" as 8 mm and "3 4 mm" as 12 mm."""


class UnitError(ValueError):
    """A quantity whose text cannot be understood; the message says how to write it."""


@cache
def _registry() -> "pint.UnitRegistry[float]":
    registry: pint.UnitRegistry[float] = pint.UnitRegistry(cache_folder=None)
    registry.define("fraction = 1 = _")
    registry.define("percent_ = 0.01 = _")
    registry.define("IU = [activity]")  # international units of a drug
    return registry


def to_si(text: object, unit: str) -> float:
    """The number that ``text`` ("300 mL/min") means, in ``unit``, an SI unit ("m^3/s").

    A dimensionless quantity (unit "1") may be a bare number or a percentage. Raises `UnitError`.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise UnitError(f'expected a quantity such as "1 {unit}", got {text!r}')
    if unit == "1" and not isinstance(text, str):
        return _finite(float(text), text)
    if not isinstance(text, str):
        raise UnitError(f'{text} has no unit; write e.g. "{text} {unit}"')
    if not WRITTEN.fullmatch(text):
        comma = " (write 0.8, not 0,8)" if "," in text else ""
        raise UnitError(f'cannot read {text!r} as a quantity{comma}; write e.g. "1 {unit}"')
    try:
        quantity = _registry().Quantity(text.replace("%", " percent_"))
    except Exception as error:
        raise UnitError(f'cannot read {text!r} as a quantity; write e.g. "1 {unit}"') from error
    target = _registry().Unit("" if unit == "1" else unit)
    if unit != "1" and quantity.unitless:
        raise UnitError(f'{text!r} has no unit; write e.g. "{text} {unit}"')
    if not quantity.check(target):
        raise UnitError(
            f"{text!r} has the wrong dimension ({quantity.dimensionality}); "
            f"expected a unit like {unit}"
        )
    return _finite(float(quantity.to(target).magnitude), text)


def _finite(value: float, text: object) -> float:
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is not a finite number")
    return value


def from_si(value: float, unit: str, shown: str) -> float:
    """``value`` in ``unit`` (SI), expressed in the unit ``shown``."""
    quantity = _registry().Quantity(value, "" if unit == "1" else unit)
    return float(quantity.to(shown.replace("%", "percent_")).magnitude)


def length_factor(unit: str) -> float:
    """Metres in one ``unit`` of length ("mm" → 1e-3). Raises `UnitError`."""
    return to_si(f"1 {unit}", "m")
