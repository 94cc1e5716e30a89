"""The openings of a run: flow rates and pressures over the last cycle, positive outwards."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.inputs.vessel import Vessel, text

Array = NDArray[Any]


class Openings:
    """Inlets and outlets with their time series (SI)."""

    def __init__(self, vessel: Vessel) -> None:
        self._vessel = vessel

    def _openings(self, role: str) -> list[str]:
        results = self._vessel.results
        return [
            name for name in results.names("boundaries")
            if text(results.attributes(f"boundaries/{name}").get("role", "")) == role
        ]

    @cached_property
    def inlet_names(self) -> list[str]:
        """Names of the inlets."""
        return self._openings("inlet")

    @cached_property
    def outlet_names(self) -> list[str]:
        """Names of the outlets."""
        return self._openings("outlet")

    @cached_property
    def series_names(self) -> list[str]:
        """The openings in the order of the columns of the time series."""
        attributes = self._vessel.results.attributes("flow/series")
        return [text(name) for name in np.atleast_1d(attributes["boundaries"])]

    @cached_property
    def last_cycle(self) -> Array:
        """Which samples (n,) of the flow's series belong to its last cycle."""
        time = self._vessel.read("flow/series/time", "time series")
        period = float(self._vessel.results.attributes("flow").get("period", 0.0) or 0.0)
        last = time > time[-1] - period * (1 - 1e-9)
        last[-1] = True
        return np.asarray(last)

    @cached_property
    def worst_imbalance(self) -> float:
        """Largest |Σ Q| over throughput in the last cycle, of the conservative velocity."""
        flows = self.opening_flows
        throughput = 0.5 * np.abs(flows).sum(axis=1)
        return float((np.abs(flows.sum(axis=1)) / throughput).max())

    @cached_property
    def worst_nodal_imbalance(self) -> float:
        """The same of the velocity at the mesh points, which planes and pictures are made from."""
        nodal = self._vessel.read("flow/series/nodal_imbalance", "time series")
        return float(nodal[self.last_cycle].max())

    @cached_property
    def opening_flows(self) -> Array:
        """Flow rates (n, B) of the openings over the last cycle, positive outwards."""
        return self._vessel.read("flow/series/flow_rate", "time series")[self.last_cycle]

    @cached_property
    def opening_signs(self) -> Array:
        """Sign (B,) of the cycle-mean flow rate of each opening."""
        return np.asarray(np.sign(self.opening_flows.mean(axis=0)))

    @cached_property
    def peak_factor(self) -> float:
        """Largest throughput of the last cycle over its mean."""
        throughput = np.abs(self.opening_flows).sum(axis=1)
        return float(throughput.max() / throughput.mean())

    def _cycle_mean(self, name: str, openings: list[str]) -> Array:
        series = self._vessel.read(f"flow/series/{name}", "time series")
        values = series[self.last_cycle].mean(axis=0)
        columns = [self.series_names.index(opening) for opening in openings]
        return np.asarray(values[columns], dtype=float)

    @cached_property
    def inlet_flows(self) -> Array:
        """Cycle-mean flow rates of the inlets, positive outwards."""
        return self._cycle_mean("flow_rate", self.inlet_names)

    @cached_property
    def outlet_flows(self) -> Array:
        """Cycle-mean flow rates of the outlets, positive outwards."""
        return self._cycle_mean("flow_rate", self.outlet_names)

    @cached_property
    def inlet_pressures(self) -> Array:
        """Cycle-mean pressures of the inlets."""
        return self._cycle_mean("pressure", self.inlet_names)

    @cached_property
    def outlet_pressures(self) -> Array:
        """Cycle-mean pressures of the outlets."""
        return self._cycle_mean("pressure", self.outlet_names)
