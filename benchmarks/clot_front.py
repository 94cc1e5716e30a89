"""Speed of a clot's edge on three meshes: the growth law must not know the mesh."""

import time

from mpi4py import MPI

import numpy as np
from dolfinx import mesh

from solvers.elements.cells import Geometry, Space
from solvers.elements.edge import ClotEdge
from solvers.laws import FRONT


def run() -> list[dict[str, object]]:
    """v/(k ℓ) for h = ℓ/2, ℓ/4, ℓ/8."""
    rows = []
    for parts in (2, 4, 8):
        start = time.perf_counter()
        value = speed(1.0 / parts)
        rows.append({
            "bench": "clot-front", "id": f"clot-front.speed-l-over-{parts}",
            "value": value, "unit": "k l", "reference": FRONT,
            "tolerance": 0.02, "source": "one-dimensional computation, h → 0",
            "ok": abs(value / FRONT - 1.0) <= 0.02, "seconds": time.perf_counter() - start,
        })
    return rows


def speed(h: float) -> float:
    """Speed of the edge in a strip 20 ℓ long, k = ℓ = 1."""
    strip = mesh.create_rectangle(MPI.COMM_SELF, [[0, 0], [20, 2 * h]], [round(20 / h), 2])
    space = Space(Geometry(strip), 1)
    edge = ClotEdge(space, 1.0)
    edge.fraction = (space.coordinates[:, 0] < 2.0).astype(float)
    dt, times, front = 0.02, [], []
    for step in range(2000):
        edge.grow(dt, edge.indicator(), 0.0)
        times.append((step + 1) * dt)
        front.append(edge.amount() / (2 * h))
    late = np.array(times) > 24.0
    return float(np.polyfit(np.array(times)[late], np.array(front)[late], 1)[0])
