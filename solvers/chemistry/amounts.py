"""The conversions between SI and the units of chemistry: nM, seconds, molecules per area."""

from typing import Any

AVOGADRO = 6.02214076e23
NANOMOLAR = 1e-6
"""One nM [mol/m³]."""
IU_PER_ML = 1e6
"""One IU/mL [IU/m³]."""


def nanomolar(concentration: Any) -> Any:
    """A concentration [mol/m³] in nM."""
    return concentration / NANOMOLAR


def surface(density: Any) -> Any:
    """A surface density [molecules/m²] in nM m: over a depth [m] it is a concentration [nM]."""
    return density / AVOGADRO / NANOMOLAR
