"""Each metric against hand-made arrays with exact answers; each check must notice one per cent."""

import ast
import copy
import inspect
import textwrap

import numpy as np
import pytest

from postprocess.inputs import Inputs
from postprocess.metrics import metric, metrics
from postprocess.metrics.wall import oscillation

TOLERANCE = 1e-3
"""Well below the one per cent by which a formula is spoilt."""

TAWSS = np.array([0.04, 0.08, 0.12, 0.40])
AREA = np.array([1.0, 2.0, 3.0, 4.0]) * 1e-6
AGE = np.array([[1.0, 1, 1, 1], [1, 1, 1, 5], [3, 3, 3, 3]])
VOLUME = np.array([4.0, 2.0, 4.0]) * 1e-6
SHEAR = np.array([0.5, 3.0, 20.0])
FRACTION = np.array([[0.0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]])
REFERENCE = np.array([100.0, 110.0, 120.0]) * 1e-6
Q_IN, Q_OUT = np.array([-4.0, -6.0]), np.array([7.0, 3.01])

CORNER = np.array([[0.0, 0, 0, 1]])
UNIT = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]])
BRANCHES = (
    np.full(8, 100.0),
    # open; one plane not quite occluded; one of two just so; both
    np.array([100.0, 99.5, 100, 5.5, 60, 5, 4, 0]),
    np.repeat(np.arange(4), 2), np.arange(4),
)

EXPECTED = {
    "tawss_mean": ((TAWSS, AREA), (0.04 + 0.16 + 0.36 + 1.6) / 10),
    # a thousand equal facets of stress 0 to 1: the percentile is its own number
    **{
        f"tawss_percentile_{p}": ((np.arange(1000) / 1000 + 5e-4, np.ones(1000)), p / 100)
        for p in (5, 50, 95, 99)
    },
    "osi_mean": ((np.array([0.1, 0.2, 0.3, 0.4]), AREA), 0.3),
    "low_wss_share_0.05": ((TAWSS, AREA), 0.1),
    "low_wss_share_0.1": ((TAWSS, AREA), 0.3),
    "low_wss_share_0.15": ((TAWSS, AREA), 0.6),
    "low_wss_area_0.05": ((TAWSS, AREA), 1e-6),
    "low_wss_area_0.1": ((TAWSS, AREA), 3e-6),
    "low_wss_area_0.15": ((TAWSS, AREA), 6e-6),
    "age_mean": ((AGE, VOLUME), (4 * 1 + 2 * 2 + 4 * 3) / 10),
    "age_p95": ((np.tile(np.arange(1000)[:, None] / 100 + 5e-3, 4), np.ones(1000)), 9.5),
    # one corner at 5, three at 1: older than 2 is the similar tetrahedron of edge 3/4
    "old_volume_2": ((AGE, VOLUME), (2 * 0.75**3 + 4) * 1e-6),
    "stasis_volume_1": ((SHEAR, VOLUME), 4e-6),
    "stasis_volume_5": ((SHEAR, VOLUME), 6e-6),
    "stasis_volume_10": ((SHEAR, VOLUME), 6e-6),
    "stasis_volume_25": ((SHEAR, VOLUME), 10e-6),
    "minimum_area": ((44e-6,), 44e-6),
    "reference_area": ((REFERENCE,), 110e-6),
    "area_stenosis": ((44e-6, REFERENCE), 0.6),
    "diameter_stenosis": ((27.5e-6, REFERENCE), 0.5),
    "aspect_ratio": ((2.5,), 2.5),
    "pressure_gradient": ((1800.0, 1400.0), 400.0),
    "tree_gradient": ((np.array([1800.0, 1300]), Q_IN, np.array([900.0]), Q_OUT[:1]), 600.0),
    "velocity_ratio": ((np.array([0.2, 0.6, 0.4]), np.array([0.1, 0.2, 0.3])), 3.0),
    "lesion_flow": ((np.array([4.0, 5.0, 7.0]) * 1e-6,), 5e-6),
    "flow_share": ((Q_IN,), [0.4, 0.6]),
    "outflow_share": ((Q_OUT,), [7 / 10.01, 3.01 / 10.01]),
    "mass_error": ((Q_IN, Q_OUT), 0.01 / 10.005),
    "clot_volume_0.5": ((FRACTION, VOLUME), (2 * 0.5**3 + 4) * 1e-6),
    "clot_volume_0.3": ((FRACTION, VOLUME), (2 * 0.7**3 + 4) * 1e-6),
    "clot_volume_0.7": ((FRACTION, VOLUME), (2 * 0.3**3 + 4) * 1e-6),
    "max_occlusion": ((np.array([100.0, 80, 60]), np.array([90.0, 20, 60])), 0.75),
    "clot_length": (
        (np.full(4, 1e-3), np.full(4, 100.0), np.array([100.0, 99.5, 90, 20])), 2e-3
    ),
    "growth_rate": ((np.array([0.0, 1e-7, 4e-7]), np.array([0.0, 1e4, 3e4])), 1.5e-11),
    "clot_thickness": ((np.array([1e-7, 6e-7]), 2e-4, 1e-3), 3.0),
    "gradient_after": ((2800.0, 1400.0), 1400.0),
    "gradient_peak": ((np.array([300.0, 420, 380]),), 420.0),
    "total_pressure_loss": ((1900.0, 1450.0), 450.0),
    "peak_speed": ((np.array([0.2, 0.6, 0.4]),), 0.6),
    # 4 ρ Q / (π D μ) of a circle of 6 mm
    "reynolds": (
        (1060.0, 6e-6, np.pi * 1e-6 * 9, 3.5e-3), 1060 * 6e-6 * 2 / (3e-3 * np.pi) / 3.5e-3
    ),
    "lesion_share": ((np.array([3.0, 4, 5]), Q_IN), 0.4),
    "collateral_share": ((np.array([3.0, 3, 5]), Q_IN[:1]), 0.25),
    "inlet_pressure": ((np.array([800.0, 900.0]),), [800, 900]),
    # the second opening swings back in one sample of four, the third lets blood in
    "reversed_time": ((
        np.array([[1.0, 2, -1], [1, 2, -1], [1, -1, -1], [1, 1, -1]]), np.array([1, 1, -1]), 4.0,
    ), [0, 1, 0]),
    "minor_diameter": ((np.pi * 3e-3 * 6e-3, 2.0), 6e-3),
    "minor_axis_stenosis": (
        (25.0, 4.0, np.array([90.0, 100, 110]), np.array([1.0, 1.0, 1.0])), 1 - 2.5 / 10
    ),
    "published_stenosis": ((50e-6, 200e-6), 0.75),
    "confluence_angle": ((np.array([[0, 0, 2.0], [0, 1, 1]]),), np.pi / 4),
    **{f"rrt_{p}": ((
        # inverses of a thousand equal facets: the slow percentile is the other one
        np.full(1000, 2.0), 0.5 - 0.25 * (np.arange(1000) / 1000 + 5e-4), np.ones(1000),
    ), 1 / (1 - p / 100)) for p in (50, 95)},
    **{f"ecap_{p}": ((
        np.full(1000, 0.5), 0.5 * (np.arange(1000) / 1000 + 5e-4), np.ones(1000),
    ), p / 100) for p in (50, 95)},
    "high_shear_area_500": ((np.array([500.0, 501, 20, 800]), AREA), 6e-6),
    "wall_shear_rate_mean": ((np.array([10.0, 20, 30, 40]), AREA), 30.0),
    "fast_volume_500": ((np.array([500.0, 501.0, 700.0]), VOLUME), 6e-6),
    "branch_shear_rate": (
        (np.array([1.0, 4, 10]), VOLUME, np.array([0, 0, 1]), np.arange(2)), [2.0, 10.0]
    ),
    "shear_rate_ratio": ((np.array([60.0, 1, 12]), 0, 2), 5.0),
    "turnover_time": ((VOLUME, np.array([-2e-6, -3e-6])), 2.0),
    # ages even from 0 to 10 s: all but 1/e are younger than 10 (1 − 1/e)
    "washout_time": (
        (np.tile(np.arange(1000)[:, None] / 100 + 5e-3, 4), np.ones(1000)), 10 * (1 - 1 / np.e)
    ),
    "clot_to_confluence": (
        (np.array([5e-3, 8e-3, 1e-3]), np.full(3, 100.0), np.array([90.0, 20, 100])), 5e-3
    ),
    "extent_score": (BRANCHES, [0, 1, 2, 3]),
    "extent_total": (BRANCHES, 6.0),
    # 0.9 at 2 h falls to 0.1 at 4 h: half open at 3 h
    "recanalisation_time": (
        (np.array([0.0, 0.8, 0.9, 0.1]), np.array([0.0, 3600, 7200, 14400])), 10800.0
    ),
    # the plane at half height of a unit corner tetrahedron is a triangle of half its edges
    "clot_surface": ((CORNER, UNIT), 0.5 * 0.5**2),
    "embolic_surface_500": (
        (np.tile(CORNER, (3, 1)), np.tile(UNIT, (3, 1, 1)), np.array([500.0, 600, 900])), 0.25
    ),
}


def agrees(value, expected) -> bool:
    return np.allclose(value, expected, rtol=TOLERANCE, atol=0)


def test_every_metric_has_an_expected_value():
    assert set(EXPECTED) == set(metrics())


@pytest.mark.parametrize("name", sorted(metrics()))
def test_value(name):
    arrays, expected = EXPECTED[name]
    assert agrees(metrics()[name](*arrays), expected)


@pytest.mark.parametrize("factor", [0.99, 1.01])
@pytest.mark.parametrize("name", sorted(metrics()))
def test_one_per_cent_would_be_noticed(name, factor):
    arrays, expected = EXPECTED[name]
    assert not agrees(factor * np.asarray(metrics()[name](*arrays)), expected)


@pytest.mark.parametrize("name", sorted(metrics()))
def test_declaration_is_whole(name):
    m = metrics()[name]
    names = [*m.needs, *filter(None, (m.each, m.site))]
    assert all(Inputs.knows(need) for need in names)
    assert m.definition.endswith((".", "]"))
    assert "{" not in m.label.replace("{part}", "")
    assert "``" not in m.definition
    assert m.group in {"lumen", "flow", "wall", "stasis", "clot"}


def mutants(formula):
    """The formula with one arithmetic expression of its body made 1 % larger, for each of them."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(formula)))
    tree.body[0].decorator_list = []
    compared = {id(n) for node in ast.walk(tree) if isinstance(node, ast.Compare)
                for n in ast.walk(node)}
    places = [n for n in ast.walk(tree) if isinstance(n, ast.BinOp) and id(n) not in compared]
    for place in places:
        spoilt = copy.deepcopy(tree)
        twin = next(n for n in ast.walk(spoilt) if ast.dump(n) == ast.dump(place))

        class Spoil(ast.NodeTransformer):
            def visit_BinOp(self, node, twin=twin):
                if node is not twin:
                    return self.generic_visit(node)
                return ast.BinOp(node, ast.Mult(), ast.Constant(1.01))

        code = compile(ast.fix_missing_locations(Spoil().visit(spoilt)), "mutant", "exec")
        names = dict(formula.__globals__)
        exec(code, names)
        yield ast.unparse(place), names[formula.__name__]


SAME = {"confluence_angle: np.linalg.norm(first) * np.linalg.norm(second)"}
"""Mutants that a common factor leaves as they were."""


@pytest.mark.parametrize("name", sorted(metrics()))
def test_one_per_cent_on_any_term_would_be_noticed(name):
    m, (arrays, expected) = metrics()[name], EXPECTED[name]
    extra = () if m.at is None else (m.at,)
    for term, spoilt in mutants(m.formula):
        try:
            with np.errstate(all="ignore"):
                noticed = not agrees(spoilt(*arrays, *extra), expected)
        except IndexError:
            noticed = True
        assert noticed or f"{name}: {term}" in SAME, term


def test_a_name_can_be_given_only_once():
    with pytest.raises(ValueError, match="tawss_mean"):
        metric("tawss_mean", "again", "Pa", "Pa", needs=())(lambda: 0.0)


def test_limits_themselves_count_as_low():
    assert metrics()["low_wss_share_0.1"](np.array([0.10, 0.11]), np.ones(2)) == 0.5


def test_oscillation_is_nought_for_steady_half_for_pure_and_safe_at_rest():
    tawss = np.array([0.2, 0.2, 0.0, 0.2])
    mean = np.array([[0.2, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0.12, 0.16]])
    np.testing.assert_allclose(oscillation(tawss, mean), [0.0, 0.5, 0.0, 0.0], atol=1e-15)


def test_no_way_to_the_confluence_where_the_clot_closes_no_plane() -> None:
    found = metrics()["clot_to_confluence"]
    assert np.isnan(found(np.array([5e-3, 8e-3]), np.full(2, 100.0), np.array([99.9, 100.0])))
