"""Memory stays flat over thousands of steps."""

import os
from pathlib import Path

from core.log import Progress
from solvers.cycle import Cycles
from solvers.flow import Flow
from solvers.stop import StopRequest
from solvers.storage.layout import Layout
from tests.verification.tubes import flow_settings, spread, tube

ROW = 2_000
"""A step's row of the series takes 1.4 kB; any field of this mesh takes 7 kB or more."""


def resident() -> int:
    """Memory of this process [bytes]."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_memory_over_two_thousand_steps() -> None:
    """Carreau blood, a Windkessel, balances and means: all that a step can allocate."""
    windkessel = {
        "kind": "rcr",
        "proximal": "1e6 Pa s/m^3",
        "distal_resistance": "1e7 Pa s/m^3",
        "compliance": "1e-8 m^3/Pa",
    }
    boundary = {"inlet": {"kind": "flow_rate", "mean": "100 mL/min"}, "outlet": windkessel}
    settings = flow_settings(boundary, rheology={"kind": "carreau"}, scheme={"dt": "10 ms"})
    flow = Flow(spread(tube("20 mm", "2 mm")), settings)
    layout = Layout(flow.vessel, flow.geometry, flow.Q)
    cycles = Cycles(flow, layout, Progress(None), StopRequest(flow.vessel.comm))
    seen = []
    for _ in range(21):  # of 100 steps each; the first fills caches
        cycles.run("flow", 0.0, 0.0, record=True, snapshot=lambda *_: None)
        seen.append(resident())
    assert flow.scheme.steps == 2_100
    assert seen[-1] - seen[0] < 2_000 * ROW, seen
