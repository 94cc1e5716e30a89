"""The measure stage on a fabricated run, against the closed forms of the tube."""

import json

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import effective, read
from postprocess.findings import load
from postprocess.measure import MeasureSettings, Place, measure
from postprocess.thresholds import NOT_ASSESSABLE, NOT_RESOLVED
from tests.postprocess.conftest import KEY
from tests.postprocess.tube import Tube, write


def value(found, name):
    row = found.row(name)
    assert row is not None, name
    assert row.value is not None, row.note
    return row.value


def test_areas_are_those_of_the_tube(measured, tube):
    ratio = (1 - tube.narrow) ** 2
    # the points of the file are in single precision
    assert value(measured, "minimum_area") == pytest.approx(tube.area(50e-3), rel=1e-6)
    # the unaffected 10 mm may begin where the narrowing takes less than 10 % of the area
    assert value(measured, "reference_area") == pytest.approx(tube.area(0.0), rel=5e-3)
    assert value(measured, "area_stenosis") == pytest.approx(1 - ratio, rel=5e-3)
    assert value(measured, "diameter_stenosis") == pytest.approx(tube.narrow, rel=5e-3)
    assert value(measured, "aspect_ratio") == pytest.approx(1.0, rel=1e-6)


def test_the_narrowest_point_is_found_and_named(measured):
    assert measured.lesion["branch"] == "left_iliac"
    assert measured.lesion["arc"] == pytest.approx(50e-3)
    assert measured.row("minimum_area").site == "left iliac, 50 mm"
    assert measured.lesion["narrowed"] is True


def test_gradient_is_taken_twenty_millimetres_on_either_side(measured, tube):
    exact = tube.pressure(30e-3) - tube.pressure(70e-3)
    assert value(measured, "pressure_gradient") == pytest.approx(exact, rel=1e-5)
    assert value(measured, "gradient_after") == pytest.approx(2 * exact, rel=1e-5)


def test_pressure_loss_of_the_model_is_the_cycle_mean(measured, tube):
    exact = tube.pressure(0.0) - tube.pressure(100e-3)
    # 67 samples of 0.06 s are 4.02 s, half a per cent more than one cycle
    assert value(measured, "tree_gradient") == pytest.approx(exact, rel=5e-3)


def test_velocity_ratio_is_that_of_the_areas(measured, tube):
    assert value(measured, "velocity_ratio") == pytest.approx((1 - tube.narrow) ** -2, rel=0.02)


def test_wall_stress_over_the_region_of_interest(measured, tube):
    z = np.linspace(10e-3, 90e-3, 4001)
    slope = np.gradient(tube.r(z), z)
    weight = tube.r(z) * np.sqrt(1 + slope**2)
    exact = np.average(tube.wall_stress(z), weights=weight)
    # facets of 1 mm, and the region ends at the half way between planes
    assert value(measured, "tawss_mean") == pytest.approx(exact, rel=0.01)
    assert value(measured, "osi_mean") == pytest.approx(0.05, rel=1e-6)
    low = tube.wall_stress(0.0)
    assert 0.10 < low < 0.15
    exact = weight[tube.wall_stress(z) <= 0.15].sum() / weight.sum()
    assert value(measured, "low_wss_share_0.15") == pytest.approx(exact, rel=0.02)
    assert value(measured, "low_wss_share_0.1") == 0
    assert measured.row("tawss_mean").site == "narrowing ± 40 mm"


def test_ages_are_those_of_a_linear_field(measured, tube):
    z = np.linspace(0, tube.length, 10001)
    # age = 4 z / L: older than 2 s is the half beyond the middle, and the tube is symmetric
    volume = np.trapezoid(tube.area(z), z)
    assert value(measured, "age_mean") == pytest.approx(2.0, rel=1e-3)
    assert value(measured, "old_volume_2") == pytest.approx(0.5 * volume, rel=2e-3)


def test_flow_shares_and_mass_error(measured):
    assert value(measured, "flow_share_inlet") == 1.0
    assert value(measured, "mass_error") == pytest.approx(1e-4, rel=1e-3)
    assert value(measured, "lesion_flow") == pytest.approx(6e-6, rel=0.05)


def test_clot_of_a_full_plug(measure_run, tube):
    found = measure_run(clot=True)
    rows = {row.name: row for row in found.rows}
    # at the end of growth the clot takes x > 0.4 R over 60 to 72 mm
    angle = np.arccos(0.4)
    closed = (angle - 0.4 * np.sin(angle)) / np.pi
    assert rows["max_occlusion"].value == pytest.approx(closed, rel=0.02)
    assert rows["clot_length"].value == pytest.approx(12e-3, abs=1.1e-3)
    # the edge of the fraction is smeared over two cells, and rounds the corners of the body
    exact = closed * np.pi * tube.radius**2 * 12e-3
    assert rows["clot_volume_0.5"].value == pytest.approx(exact, rel=0.06)
    low, high = rows["clot_volume_0.7"].value, rows["clot_volume_0.3"].value
    assert low < rows["clot_volume_0.5"].value < high
    volumes = found.clot["volume"]
    assert volumes[0] == 0
    growth = (volumes[2] - volumes[1]) / 86400
    assert rows["growth_rate"].value == pytest.approx(growth, rel=1e-12)


def test_without_a_clot_there_are_no_clot_rows(measure_run):
    found = measure_run(clot=False)
    assert not found.clot
    assert not [row for row in found.rows if row.group == "clot"]
    assert not [gate for gate in found.gates if gate.name == "clot_resolved"]


@pytest.mark.parametrize("attributes", [
    {"growth_width": 0.6e-3}, {"second_mesh_difference": 0.051},
    {"second_mesh_difference": np.nan},
])
def test_an_unresolved_clot_is_marked_in_every_row(measure_run, attributes):
    found = measure_run(clot_attributes=attributes)
    flags = {row.flag for row in found.rows if row.group == "clot" and row.value is not None}
    assert flags == {NOT_RESOLVED}
    assert found.clot["resolved"] is False


def test_a_lesion_named_in_the_case(measure_run):
    place = Place(branch="left_iliac", arc="35 mm")
    found = measure_run(MeasureSettings(lesion=place))
    assert found.lesion["text"] == "left iliac, 35 mm"
    assert found.row("pressure_gradient").site == "left iliac, 35 mm"
    # the tube is even there; the wall is looked at around the place all the same
    assert (found.lesion["narrowed"], found.lesion["named"]) == (False, True)
    assert found.row("tawss_mean").site == "left iliac, 35 mm ± 40 mm"


def test_a_plane_beyond_the_model_is_not_assessable_and_says_why(measure_run):
    found = measure_run(MeasureSettings(lesion=Place(branch="left_iliac", arc="90 mm")))
    row = found.row("pressure_gradient")
    assert (row.flag, row.value) == (NOT_ASSESSABLE, None)
    assert "ends within 20 mm central" in row.note
    assert found.row("minimum_area").value is not None


def test_an_unknown_branch_is_not_assessable_and_names_the_branches(measure_run):
    found = measure_run(MeasureSettings(lesion=Place(branch="cava", arc="5 mm")))
    assert "left_iliac" in found.row("minimum_area").note
    assert found.row("age_mean").value is not None


def test_an_even_vein_has_no_narrowing_and_all_wall_counts(measure_run):
    found = measure_run(narrow=0.03)
    assert found.lesion["narrowed"] is False
    assert found.row("tawss_mean").site == "whole wall"


def test_a_mesh_without_centreline_still_gives_wall_and_stasis(measure_run):
    found = measure_run(planes=False)
    assert found.row("minimum_area").note == "the mesh has no centreline planes"
    assert found.row("max_occlusion").flag == NOT_ASSESSABLE
    assert found.row("tawss_mean").value > 0
    assert found.row("age_mean").value > 0
    assert found.curves == {"reason": "the mesh has no centreline planes"}


def test_extensions_never_count(measure_run, tube):
    plain, extended = measure_run(narrow=0.0), measure_run(narrow=0.0, extension=20e-3)
    ratio = value(extended, "age_mean") / value(plain, "age_mean")
    assert ratio == pytest.approx(1.0, rel=0.02)
    whole, inner = (value(f, "low_wss_area_0.15") for f in (plain, extended))
    assert inner / whole == pytest.approx(0.6, rel=0.02)
    assert value(extended, "old_volume_2") / value(plain, "old_volume_2") == pytest.approx(
        0.6, rel=0.05
    )


def test_nothing_is_measured_where_a_gate_fails(measure_run):
    found = measure_run(attributes={"periodicity": 0.08})
    assert [gate.name for gate in found.failed] == ["periodicity"]
    assert not found.rows
    assert not found.curves


def test_the_file_is_strict_json_with_the_key_and_no_partial_left(run, tmp_path):
    out = tmp_path / "metrics.json"
    measure(run, out, MeasureSettings(), key=KEY)
    table = json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert table["key"] == KEY
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    assert table["curves"]["area"][0] is None
    assert table["curves"]["why"][0] == "the plane leaves the model"


def test_measuring_twice_gives_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        measure(run, tmp_path / name, MeasureSettings(), key=KEY)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "metrics.json").write_text('{"schema": 1}')
    with pytest.raises(CaseError, match="no dvtwin metrics file"):
        load(tmp_path / "metrics.json")


def test_settings_read_back():
    settings = read(
        MeasureSettings,
        {"lesion": {"branch": "left", "arc": "12 mm"}, "segment": "LCIV", "region": "30 mm"}, "x",
    )
    assert read(MeasureSettings, effective(settings), "x") == settings
    with pytest.raises(CaseError, match="lesions"):
        read(MeasureSettings, {"lesions": {}}, "x")


def test_boundaries_in_another_order_of_columns(tmp_path):
    import h5py

    results = write(tmp_path / "r.h5", Tube())
    with h5py.File(results, "a") as file:
        series = file["dvtwin/flow/series"]
        for name in ("flow_rate", "pressure"):
            series[name][:] = series[name][:][:, ::-1]
        series.attrs["boundaries"] = ["outlet", "inlet"]
    measure(results, tmp_path / "m.json", MeasureSettings(), key=KEY)
    assert load(tmp_path / "m.json").row("tree_gradient").value > 0
