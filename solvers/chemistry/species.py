"""The species of the clotting model: unit, normal plasma level, smallest amount that matters,
whether they move with blood, and their group of diffusivity.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Species:
    """One species. ``normal`` is its level in normal plasma, ``scale`` the amount below which
    nothing depends on it; both in ``unit``. ``mobile``: blood carries it and it diffuses.
    """

    name: str
    meaning: str
    normal: float
    scale: float
    mobile: bool
    unit: str = "nM"
    group: str = "protein"


TABLE = (
    Species("TF", "free tissue factor", 0.0, 1e-7, False, group="wall"),
    Species("TF:VII", "tissue factor with factor VII", 0.0, 1e-7, False, group="wall"),
    Species("E", "TF:VIIa, with its substrates", 0.0, 1e-8, False, group="wall"),
    Species("VIIa", "factor VIIa", 0.1, 1e-4, True),
    Species("X", "factor X", 160.0, 0.1, True),
    Species("IX", "factor IX", 90.0, 0.1, True),
    Species("u", "factors V and VIII not yet activated", 1.0, 1e-5, True, unit="1"),
    Species("Va", "factor Va, free and in prothrombinase", 0.0, 1e-4, True),
    Species("VIIIa", "factor VIIIa, free", 0.0, 1e-6, True),
    Species("IXa", "factor IXa, free", 0.0, 1e-6, True),
    Species("Z", "tenase IXa:VIIIa, with X", 0.0, 1e-7, True),
    Species("Xa", "factor Xa, free and in prothrombinase", 0.0, 1e-6, True),
    Species("XaD", "factor Xa held by a drug", 0.0, 1e-6, True),
    Species("II", "prothrombin", 1400.0, 0.1, True),
    Species("mIIa", "meizothrombin", 0.0, 1e-4, True),
    Species("mIIaD", "meizothrombin held by a drug", 0.0, 1e-4, True),
    Species("IIa", "thrombin, free and on fibrin or thrombomodulin", 0.0, 1e-4, True),
    Species("IIaD", "thrombin held by a drug", 0.0, 1e-4, True),
    Species("AT", "antithrombin", 3400.0, 0.1, True),
    Species("TFPI", "tissue factor pathway inhibitor", 2.5, 1e-4, True),
    Species("Xa:TFPI", "factor Xa held by TFPI", 0.0, 1e-5, True),
    Species("APC", "activated protein C", 0.0, 1e-4, True),
    Species("XI", "factor XI", 31.0, 0.01, True),
    Species("XIa", "factor XIa", 0.0, 1e-6, True),
    Species("Fg", "fibrinogen", 9000.0, 1.0, True),
    Species("F", "fibrin, as monomers", 0.0, 0.1, False),
)
"""Sources: Hockin et al. 2002; fibrinogen 3 g/L; factor XI Chen & Diamond 2019."""

BY_NAME = {species.name: species for species in TABLE}
DIFFUSIVITY = {"protein": 6e-11, "wall": 0.0}
"""Diffusivity of a group [m²/s]; every plasma protein has the same, so that one transport
operator serves all (thrombin 4e-11, fibrinogen 3e-11, thrombomodulin-free zymogens 5 to 7e-11).
"""

WALL = ("TF", "TF:VII", "E")
DRUGGED = {"Xa": ("XaD",), "IIa": ("IIaD", "mIIaD")}
"""The states that a direct inhibitor of Xa or of thrombin adds."""
BRAKE = ("APC",)
FEEDBACK = ("XI", "XIa")
OPTIONAL = {*WALL, *BRAKE, *FEEDBACK, "XaD", "IIaD", "mIIaD"}


def chosen(
    *,
    wall: bool = False,
    xa_drug: bool = False,
    iia_drug: bool = False,
    brake: bool = False,
    feedback: bool = False,
    held: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Names of the states that a computation needs, in the order of the table.

    Without options these are the 17 of flowing blood. ``held`` species keep their plasma level.
    """
    options = {
        *(WALL if wall else ()),
        *(DRUGGED["Xa"] if xa_drug else ()),
        *(DRUGGED["IIa"] if iia_drug else ()),
        *(BRAKE if brake else ()),
        *(FEEDBACK if feedback else ()),
    }
    return tuple(
        s.name
        for s in TABLE
        if (s.name not in OPTIONAL or s.name in options) and s.name not in held
    )
