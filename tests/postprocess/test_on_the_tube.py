"""Every metric from results file to number, against the closed forms of the fabricated tube.

Each tolerance is below one per cent: an input or a formula that is wrong by so much is noticed.
"""

import numpy as np
import pytest

from postprocess.inputs import Inputs
from postprocess.metrics import metrics
from postprocess.simplex import areas, volumes
from tests.postprocess.tube import MU, RHO, clot_fraction, structured

OTHERWISE = {
    "shear_rate_ratio", "collateral_share", "confluence_angle", "clot_to_confluence",
    "recanalisation_time", "published_stenosis",
}
"""What needs a confluence, a segment or a clot that shrinks: see test_segments."""


@pytest.fixture(scope="module")
def exact(tube):
    """Name → value and relative tolerance."""
    points, cells, wall, inlet, _ = structured(tube)
    volume, area = volumes(points[cells]), areas(points[wall])
    middle, heart = points[cells].mean(axis=1), points[wall].mean(axis=1)[:, 2]
    rate = 4 * tube.flow / (np.pi * tube.r(middle[:, 2]) ** 4) * np.hypot(*middle[:, :2].T)
    # the region ends half way between two planes
    near = np.abs(heart - 50e-3) <= 40.5e-3
    stress, near_area = tube.wall_stress(heart)[near], area[near]
    at_wall = np.isin(cells, np.unique(wall)).sum(axis=1) == 3
    swing = 1 + 0.3 * np.sin(2 * np.pi * np.arange(1, 201)[-67:] * 0.06 / 4.0)
    clot = clot_fraction(tube, points, 0.3)[cells]
    whole = volume.sum()
    return dict(locals())


def by_area(values, weights, percent):
    order = np.argsort(values)
    share = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.interp(percent / 100 * weights.sum(), share, values[order])


def table(tube, e):
    """Name → expected value and tolerance."""
    stress, near, volume, rate = e["stress"], e["near_area"], e["volume"], e["rate"]
    age = 4 * e["middle"][:, 2] / tube.length
    narrow, wide = tube.area(50e-3), tube.area(0.0)
    drop = tube.pressure(30e-3) - tube.pressure(70e-3)
    inflow = tube.flow * e["swing"].mean()
    return {
        "minimum_area": (narrow, 1e-5), "reference_area": (wide, 5e-3),
        "area_stenosis": (1 - narrow / wide, 5e-3), "diameter_stenosis": (tube.narrow, 5e-3),
        "aspect_ratio": (1.0, 1e-5), "minor_diameter": (2 * np.sqrt(narrow / np.pi), 1e-5),
        "minor_axis_stenosis": (tube.narrow, 5e-3),
        "pressure_gradient": (drop, 1e-5), "gradient_peak": (1.2 * drop, 1e-4),
        "gradient_after": (2 * drop, 1e-5),
        # as wide on either side: what kinetic energy there is cancels
        "total_pressure_loss": (drop, 5e-3),
        "tree_gradient": ((tube.pressure(0) - tube.pressure(0.1)) * e["swing"].mean(), 1e-6),
        "inlet_pressure": (
            1333.22 + (tube.pressure(0) - 1333.22) * e["swing"].mean(), 1e-6),
        "velocity_ratio": (
            sampled_speed(tube, tube.r(50e-3)) / sampled_speed(tube, tube.radius), 5e-3),
        "peak_speed": (sampled_speed(tube, tube.r(50e-3)), 5e-3),
        "lesion_share": (lesion_flow(tube) / inflow, 5e-3),
        "lesion_flow": (lesion_flow(tube), 5e-3),
        "reynolds": (
            RHO * lesion_flow(tube) * e["swing"].max() / e["swing"].mean()
            * np.sqrt(4 / (np.pi * narrow)) / wall_viscosity(tube, e), 5e-3),
        "flow_share": (1.0, 1e-9), "outflow_share": (1.0, 1e-9),
        "mass_error": (1e-4, 1e-3), "reversed_time": ((0.0, 0.0), 0.0),
        "tawss_mean": (stress @ near / near.sum(), 1e-6),
        "osi_mean": (0.05, 1e-6),
        **{f"tawss_percentile_{p}": (by_area(stress, near, p), 1e-6) for p in (5, 50, 95, 99)},
        **{f"rrt_{p}": (1 / (0.9 * by_area(stress, near, 100 - p)), 1e-6) for p in (50, 95)},
        **{f"ecap_{p}": (by_area(0.05 / stress, near, p), 1e-6) for p in (50, 95)},
        **{f"low_wss_area_{at:g}": (near[stress <= at].sum(), 1e-6) for at in (0.05, 0.1, 0.15)},
        **{f"low_wss_share_{at:g}": (near[stress <= at].sum() / near.sum(), 1e-6)
           for at in (0.05, 0.1, 0.15)},
        "high_shear_area_500": (0.0, 0.0),
        "wall_shear_rate_mean": (wall_rate(e) @ near / near.sum(), 1e-6),
        "age_mean": (age @ volume / e["whole"], 1e-5),
        "age_p95": (by_area(age, volume, 95), 1e-4),
        "washout_time": (by_area(age, volume, 100 * (1 - np.exp(-1))), 1e-4),
        "old_volume_2": (0.5 * e["whole"], 1e-4),
        "turnover_time": (e["whole"] / inflow, 1e-5),
        **{f"stasis_volume_{at}": (volume[rate < at].sum(), 1e-5) for at in (1, 5, 10, 25)},
        "fast_volume_500": (volume[rate > 500].sum(), 0.0),
        "branch_shear_rate": (rate @ volume / e["whole"], 1e-5),
        **clot_table(tube, e),
    }


def lesion_flow(tube):
    """Flow through the reference section: the parabola at the mesh's points, linear between."""
    points, _, _, disc, _ = structured(tube)
    r2 = (points[disc, :2] ** 2).sum(axis=2)
    speed = 2 * tube.flow / (np.pi * tube.radius**2) * np.maximum(1 - r2 / tube.radius**2, 0)
    return float(areas(points[disc]) @ speed.mean(axis=1))


def sampled_speed(tube, radius):
    """99th percentile over the 3 mm sample of a parabola that is linear between the rings."""
    rings = np.linspace(0, 1, tube.rings + 1)
    r = 1.5e-3 * np.sqrt((np.arange(61) + 0.5) / 61) / radius
    return np.percentile(
        2 * tube.flow / (np.pi * radius**2) * np.interp(r, rings, 1 - rings**2), 99)


def wall_rate(e):
    """Shear rate of the cell behind each wall facet of the region, looked up one by one."""
    owner = {}
    for number in np.flatnonzero(e["at_wall"]):
        for side in ([0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]):
            owner[frozenset(e["cells"][number, side].tolist())] = number
    cells = [owner[frozenset(facet)] for facet in e["wall"][e["near"]].tolist()]
    return e["rate"][cells]


def wall_viscosity(tube, e):
    return np.median(e["stress"] / wall_rate(e))


def lattice(corners, count=14):
    """Barycentric coordinates of points that share a triangle or tetrahedron among them."""
    rng = np.random.default_rng(7)
    cuts = np.sort(rng.random((count**3, corners - 1)), axis=1)
    return np.diff(np.pad(cuts, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1))), axis=1)


def share(values, level):
    """Share of each simplex above a level, by counting points spread over it."""
    above = (values > level).all(axis=1).astype(float)
    cut = (values > level).any(axis=1) & (above == 0)
    above[cut] = (values[cut] @ lattice(values.shape[1]).T > level).mean(axis=1)
    return above


def clot_table(tube, e):
    points, cells, volume = e["points"], e["cells"], e["volume"]
    by_level = {level: share(e["clot"], level) @ volume for level in (0.3, 0.5, 0.7)}
    earlier = share(clot_fraction(tube, points, 0.2)[cells], 0.5) @ volume
    disc = e["inlet"]
    layer = len(points) // tube.layers
    closed = []
    for k in range(tube.layers):
        fraction = clot_fraction(tube, points, 0.3)[disc + k * layer]
        area = areas(points[disc + k * layer])
        closed.append(share(fraction, 0.5) @ area / area.sum())
    surface, fast = surface_area(points, cells, e["clot"], e["rate"])
    covered = share(clot_fraction(tube, points, 0.3)[e["wall"]], 0.5) @ e["area"]
    return {
        **{f"clot_volume_{level:g}": (value, 9e-3) for level, value in by_level.items()},
        "growth_rate": ((by_level[0.5] - earlier) / 86400, 9e-3),
        "clot_thickness": (by_level[0.5] / covered / 1.2e-3, 9e-3),
        "max_occlusion": (max(closed), 9e-3),
        "clot_length": (1e-3 * (np.array(closed) > 0.01).sum(), 1e-6),
        "extent_score": (1.0, 1e-9), "extent_total": (1.0, 1e-9),
        "clot_surface": (surface, 1e-4), "embolic_surface_500": (fast, 1e-4),
    }


def surface_area(points, cells, values, rate):
    """The clot's surface by VTK: of all cells, and of those sheared faster than 500 1/s."""
    pyvista = pytest.importorskip("pyvista")
    total = []
    for chosen in (np.ones(len(cells), bool), rate > 500):
        if not chosen.any():
            total.append(0.0)
            continue
        grid = pyvista.UnstructuredGrid({pyvista.CellType.TETRA: cells[chosen]}, points)
        grid.point_data["clot"] = np.zeros(len(points))
        grid.point_data["clot"][cells] = values
        total.append(grid.contour([0.5], scalars="clot").area)
    return total


@pytest.fixture(scope="module")
def expected(tube, exact):
    return table(tube, exact)


@pytest.fixture(scope="module")
def measured_values(inputs):
    found = {}
    for name, m in metrics().items():
        if name not in OTHERWISE:
            found[name] = m(*(inputs.get(need) for need in m.needs))
    return found


def test_every_metric_is_expected_here_or_elsewhere(expected):
    assert set(expected) | OTHERWISE == set(metrics())
    assert max(tolerance for _, tolerance in expected.values()) < 0.01


@pytest.mark.parametrize("name", sorted(set(metrics()) - OTHERWISE))
def test_value_on_the_tube(name, expected, measured_values):
    value, tolerance = expected[name]
    assert measured_values[name] == pytest.approx(value, rel=tolerance, abs=1e-15)


def test_the_inputs_are_those_of_the_tube(inputs):
    assert isinstance(inputs, Inputs)
    assert np.median(inputs.get("wall_viscosity")) == pytest.approx(MU, rel=0.15)
