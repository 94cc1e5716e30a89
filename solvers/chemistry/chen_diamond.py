"""The thin-film model of clotting under venous flow of Chen & Diamond (2019), as printed.

A reference to compare the wall film with: 15 µm of clot over tissue factor at 200 1/s, zymogens
at plasma level. Amounts in µM. As printed it makes about twice the thrombin and fibrin of the
paper's figures, while the enzymes agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.kernel import Kernel

Array = NDArray[Any]

A = (0.48, 0.32, 5.53, 24.7, 58.8, 4.98e-5, 0.065)
"""kcat S₀/(Km + S₀) [1/s]: X, IX by TF; X by IXa; II by Xa; fibrinogen by IIa; XI by IIa;
IX by XIa.
"""
WORK = (0.18, 0.05, 0.36)
"""Effectiveness in the core: Xa on II, IIa on fibrinogen, IIa on XI."""
TF = 2.2e-6
"""Active tissue factor of 1 TF/µm² [µM]."""
LN2 = float(np.log(2.0))


@dataclass(frozen=True)
class ChenDiamond(Kernel):
    """The kernel: TF:VIIa, Xa, IXa, XIa, fibrin, free thrombin, thrombin on E and on γ′ sites."""

    escape: float = LN2 / 2.0
    names: tuple[str, ...] = ("TF", "Xa", "IXa", "XIa", "F", "IIa", "ES", "GS")

    @property
    def scale(self) -> Array:
        """Amounts (names) that do not matter [µM]."""
        return np.array([1e-9, 1e-6, 1e-9, 1e-10, 1e-3, 1e-5, 1e-5, 1e-5])

    def laws(self, rows: Sequence[Any]) -> list[Any]:
        """Rates of all states [µM/s]."""
        tf, xa, ixa, xia, fibrin, iia, es, gs = rows
        on_e = 100.0 * iia * (1.6 * fibrin - es) - 280.0 * es
        on_g = 100.0 * iia * (0.3 * fibrin - gs) - 10.0 * gs
        loss = LN2 / 60.0
        gone = self.escape + loss
        return [
            -LN2 / 180.0 * tf,
            A[0] * tf + A[2] * ixa - loss * xa,
            A[1] * tf + A[6] * xia - loss * ixa,
            WORK[2] * A[5] * iia - gone * xia,
            WORK[1] * A[4] * iia,
            WORK[0] * A[3] * xa - on_e - on_g - gone * iia,
            on_e,
            on_g,
        ]
