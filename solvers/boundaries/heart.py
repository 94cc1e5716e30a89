"""The inferior vena cava above an opening, to the right atrium."""

from math import pi
from typing import Annotated, Literal

from core.settings import quantity
from solvers.boundaries import Boundary, Load
from solvers.boundaries.network import NetworkLoad, VeinNetwork, VeinPool, VeinSegment
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.breath import Breath

DRAWN = "drawn after anatomy atlases"


class Heart(Boundary):
    """Opening → vena cava → right atrium, whose pressure breathes: a `network` made ready."""

    kind: Literal["heart"] = "heart"
    pressure: float = quantity(
        "Pa", "4 mmHg", "cycle-mean pressure of the right atrium", source="0 to 8 mmHg"
    )
    rhythm: Annotated[Waveform, *shapes.field()] = Breath()
    posture: Literal["supine", "standing"] = "supine"
    radius: float = quantity(
        "m",
        "9.2 mm",
        "radius of the vena cava",
        above="0 m",
        source="265.3 mm²: intravascular ultrasound, median of 33 patients",
    )
    length: float = quantity(
        "m", "0.25 m", "way from the opening to the atrium", above="0 m", source=DRAWN
    )

    def waveforms(self) -> tuple[Waveform, ...]:
        """The rhythm of the atrium."""
        return (self.rhythm,)

    def network(self) -> VeinNetwork:
        """The same as a `VeinNetwork`: half of the way to the cava's middle, and half beyond."""
        pool, half = VeinPool.model_construct, 0.5 * self.length
        section = pi * self.radius**2
        ways = (("opening", "cava"), ("cava", "atrium"))
        return VeinNetwork.model_construct(
            opening="opening",
            posture=self.posture,
            initial=self.pressure,
            pools={
                "opening": pool(),
                "cava": pool(volume=2.0 * section * self.length, height=half),
                "atrium": pool(held=self.pressure, rhythm=self.rhythm, height=self.length),
            },
            veins=tuple(
                VeinSegment.model_construct(start=a, end=b, length=half, radius=self.radius)
                for a, b in ways
            ),
        )

    def load(self) -> Load:
        """The network at rest."""
        return NetworkLoad(self.network())
