"""Steps of the small case from and to a checkpoint: python3 -m tests.solvers.steps FOLDER TO N
[FROM].
"""

import sys
from pathlib import Path

from mpi4py import MPI

from meshes import vessel as vessels
from solvers.flow import Flow
from solvers.storage import checkpoint, state
from solvers.storage.layout import Layout
from tests.solvers.chain import settings


def main(folder: Path, save: str, count: int, start: str | None = None) -> None:
    flow = Flow(vessels.load(MPI.COMM_WORLD, folder / "mesh.h5"), settings()[0])
    layout = Layout(flow.vessel, flow.geometry, flow.Q)
    if start:
        found = checkpoint.restore(folder / f"{start}.h5", layout, "k")
        assert found is not None
        state.unpack_flow(flow.scheme, *found)
    for _ in range(count):
        flow.step()
    checkpoint.save(folder / f"{save}.h5", layout, "k", *state.pack_flow(flow.scheme))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
