"""`dvtwin tga`: a file in, a table, a figure and a JSON file out; mistakes told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import CaseError
from jobs.case import load_as
from jobs.executors import Resources
from jobs.executors.here import environment
from solvers.chemistry import tga
from solvers.chemistry.assay import Assay, Factors, summary
from solvers.chemistry.conditions import Conditions, Plasma


def _dvtwin(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "jobs", *arguments],
        cwd=folder,
        text=True,
        capture_output=True,
        env=environment(Resources(Path("-"))),
    )


def test_a_patient_from_example_to_figure(tmp_path: Path) -> None:
    example = _dvtwin("tga", "--example", folder=tmp_path)
    file = tmp_path / "patient.toml"
    text = example.stdout.replace('AT = "100 %"', 'AT = "50 %"')
    file.write_text(text + '\n[[drug]]\nkind = "rivaroxaban"\nlevel = "30 ug/L"\n')
    done = _dvtwin("tga", "patient.toml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "velocity index" in done.stdout
    told = json.loads((tmp_path / "patient.tga.json").read_text())
    figures = told["figures"]
    assert figures["patient"]["peak_nM"] == pytest.approx(
        figures["patient, full model"]["peak_nM"], rel=0.08
    )
    # half the antithrombin: more thrombin than normal in spite of the drug, but later
    assert figures["patient"]["etp_nM_s"] > 1.5 * figures["normal plasma"]["etp_nM_s"]
    assert figures["patient"]["lag_s"] > figures["normal plasma"]["lag_s"]
    assert told["settings"]["drug"][0]["kind"] == "rivaroxaban"
    assert (tmp_path / "patient.tga.png").stat().st_size > 10_000


def test_the_figures_of_a_curve() -> None:
    found = summary(tga.curve(5e-3))
    rise = found["time_to_peak_s"] - found["lag_s"]
    assert found["velocity_index_nM_per_s"] == pytest.approx(found["peak_nM"] / rise)
    cut_off = summary(tga.curve(5e-3, duration=300.0))
    assert cut_off["time_to_peak_s"] is None
    assert cut_off["peak_reached"] is False
    never = summary(tga.curve(5e-3, duration=60.0))
    assert never["lag_s"] is None


def test_levels_by_share_of_normal() -> None:
    plasma = Factors(II="150 %", fibrinogen="3.06 g/L", VII="80 %").plasma()
    normal = Plasma()
    assert pytest.approx(2100.0) == plasma.II
    assert plasma.Fg == pytest.approx(normal.Fg, rel=1e-3)
    assert plasma.VIIa == pytest.approx(0.8 * normal.VIIa)


@pytest.mark.parametrize("thrombomodulin", [2.0, 10.0])
def test_thrombomodulin_lowers_the_curve_in_both_models_alike(thrombomodulin: float) -> None:
    braked = Conditions(thrombomodulin=thrombomodulin)
    full, reduced = (tga.curve(5e-3, braked, spacing=1.0, model=m) for m in ("full", "reduced"))
    plain = tga.curve(5e-3, model="full", spacing=1.0)
    assert full.etp < 0.97 * plain.etp
    assert reduced.etp == pytest.approx(full.etp, rel=0.05)
    assert reduced.peak == pytest.approx(full.peak, rel=0.10)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('tissue_factor = "5 kg"', "dimension"),
        ('tissue_faktor = "5 pM"', "tissue_factor"),
        ('[factors]\nII = "-5 %"', "greater"),
        ('[[drug]]\nkind = "aspirin"\nlevel = "3 ug/L"', "aspirin"),
        ('[[drug]]\nkind = "apixaban"', "either doses or the level"),
        ("[factors", "TOML"),
    ],
)
def test_mistakes_in_the_file_are_told(text: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "patient.toml"
    file.write_text(text + "\n")
    with pytest.raises(CaseError, match=word) as caught:
        load_as(Assay, file)
    assert "patient.toml" in caught.value.where
    assert caught.value.do
