"""The veins of a leg below an opening."""

from typing import Annotated, Literal

from core.settings import quantity
from solvers.boundaries import Boundary, Load
from solvers.boundaries.network import NetworkLoad, VeinNetwork, VeinPool, VeinSegment
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.pump import Pump

DRAWN = "drawn after anatomy atlases"


class Leg(Boundary):
    """Calf → femoral vein → opening, with valves and the calf-muscle pump: a `network` made ready.

    Blood comes from the arteries, a share of it through the calf; ``squeeze`` is the muscles'
    highest pressure on the calf, 0 at rest.
    """

    kind: Literal["leg"] = "leg"
    arterial: float = quantity(
        "m^3/s",
        "300 mL/min",
        "blood that the arteries bring to the leg",
        above="0 m^3/s",
        source="0.2 to 0.5 L/min at rest; the common femoral artery brings 350 ± 141 mL/min",
    )
    calf_share: float = quantity(
        "1", 0.5, "part of it that passes the calf", at_least=0, at_most=1, source="assumed"
    )
    posture: Literal["supine", "standing"] = "supine"
    squeeze: float = quantity(
        "Pa",
        "0 mmHg",
        "highest pressure of the muscles on the calf",
        at_least="0 Pa",
        source="0 at rest; calf compartments reach 200 to 300 mmHg",
    )
    rhythm: Annotated[Waveform, *shapes.field()] = Pump(rest=0.0)
    valves: Literal["competent", "leaking", "none"] = "competent"
    calf_volume: float = quantity(
        "m^3",
        "120 mL",
        "blood that the calf's veins hold when full",
        above="0 m^3",
        source="assumed; venous volume of air plethysmography is 80 to 150 mL",
    )
    thigh_volume: float = quantity(
        "m^3",
        "80 mL",
        "blood that the thigh's deep veins hold when full",
        above="0 m^3",
        source="assumed",
    )
    popliteal_radius: float = quantity(
        "m", "4 mm", "radius of the popliteal vein", above="0 m", source="diameter 6 to 10 mm"
    )
    femoral_radius: float = quantity(
        "m", "6 mm", "radius of the femoral vein", above="0 m", source="diameter 13.6 ± 3.0 mm"
    )
    calf_to_thigh: float = quantity("m", "0.4 m", "way along the vein", above="0 m", source=DRAWN)
    thigh_to_opening: float = quantity(
        "m", "0.25 m", "way along the vein", above="0 m", source=DRAWN
    )

    def waveforms(self) -> tuple[Waveform, ...]:
        """The rhythm of the muscles."""
        return (self.rhythm,)

    def network(self) -> VeinNetwork:
        """The same as a `VeinNetwork`."""
        pool, vein, valve = (
            VeinPool.model_construct,
            VeinSegment.model_construct,
            self.valves != "none",
        )
        below = self.thigh_to_opening
        return VeinNetwork.model_construct(
            opening="opening",
            posture=self.posture,
            valve_leak=300.0 if self.valves == "leaking" else 1e5,
            pools={
                "calf": pool(
                    volume=self.calf_volume,
                    height=-(self.calf_to_thigh + below),
                    inflow=self.calf_share * self.arterial,
                    squeeze=self.squeeze,
                    rhythm=self.rhythm,
                ),
                "thigh": pool(
                    volume=self.thigh_volume,
                    height=-below,
                    inflow=(1.0 - self.calf_share) * self.arterial,
                ),
                "opening": pool(),
            },
            veins=(
                vein(
                    start="calf",
                    end="thigh",
                    length=self.calf_to_thigh,
                    radius=self.popliteal_radius,
                    valve=valve,
                ),
                vein(
                    start="thigh",
                    end="opening",
                    length=below,
                    radius=self.femoral_radius,
                    valve=valve,
                ),
            ),
        )

    def load(self) -> Load:
        """The network at rest."""
        return NetworkLoad(self.network())
