"""A small ensemble and a scenario with real stages, each member a process of its own."""

from pathlib import Path

import numpy as np
import pytest

from jobs.ensemble import work
from jobs.scenarios import BASE
from tests.jobs import fakes
from tests.jobs.test_ensemble import plan

MORE = """
[run]
ranks = 1

[ensemble]
members = 2

[ensemble.vary]
"flow.boundary.inlet.mean" = { kind = "uniform", low = "200 mL/min", high = "400 mL/min" }

[scenario.thin]
title = "Thin blood"
set = { "flow.rheology" = { kind = "newtonian", mu = "3 mPa s" } }
"""


@pytest.mark.slow
def test_members_share_the_mesh_and_answer_to_their_inputs(tmp_path: Path) -> None:
    text = fakes.CASE.replace('size = "2 mm"', 'size = "1.8 mm"').replace("50 ms", "100 ms")
    base = plan(tmp_path, text + MORE)
    said: list[str] = []
    found = work.carry_out(base, [BASE, "thin"], tmp_path / "ensemble", work.Crew(
        1, said.append))
    assert found[BASE]["sound"] == 2, found[BASE]["missing"]
    assert found["thin"]["sound"] == 2, found["thin"]["missing"]
    meshes = [base.folder.mesh, *(tmp_path / "ensemble").glob("*/*/mesh.h5")]
    assert len(meshes) == 5
    # one mesh for all: links to the same file
    assert len({path.stat().st_ino for path in meshes}) == 1
    flows = np.genfromtxt(tmp_path / "ensemble/design.csv", skip_header=1)
    shear = np.array(found[BASE]["values"]["tawss_mean"])
    # in a tube at low flow, wall shear rises with the flow, a little less than in proportion
    assert shear[1] / shear[0] == pytest.approx(flows[1] / flows[0], rel=0.15)
    # 3 mPa s instead of the 5 to 6 of blood at these shear rates, some 40 1/s
    assert (np.array(found["thin"]["values"]["tawss_mean"]) < 0.8 * shear).all()
    # again there is nothing to compute
    said.clear()
    work.carry_out(base, [BASE], tmp_path / "ensemble", work.Crew(1, said.append))
    assert not any("to compute" in line for line in said)
