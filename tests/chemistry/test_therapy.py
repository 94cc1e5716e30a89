"""[therapy] in a case: read, kept, refused where no clot model knows drugs."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError
from core.record import ROOT
from jobs.case import dump, load
from jobs.stages import STAGES
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.drugs import treated
from solvers.clotting.tabulated import stacked

EXAMPLE = (ROOT / "examples" / "iliac-compression" / "case.toml").read_text()
DRUG = """
[[therapy.drug]]
kind = "rivaroxaban"
doses = [{ amount = "15 mg", at = "2 h", every = "12 h" }]
"""
MODEL = """
[clot.model]
kind = "coagulation"

[[clot.model.injury]]
at = ["-1 mm", "-20 mm", "-419 mm"]
radius = "8 mm"
tissue_factor = "10 1/um^2"
"""


def case(tmp_path: Path, *parts: str, model: bool = True) -> Path:
    text = EXAMPLE
    if model:
        start, end = text.index("[clot.model]"), text.index("# --- what is measured")
        text = text[:start] + MODEL + text[end:]
    path = tmp_path / "case.toml"
    path.write_text(text + "".join(parts))
    return path


def test_drugs_are_part_of_the_case(tmp_path: Path) -> None:
    found = load(case(tmp_path, DRUG))
    assert found.clot is not None
    assert found.clot.model.treatable
    drug = found.therapy.drug[0]
    assert drug.at(1.9 * 3600.0) == 0.0
    assert drug.at(4.0 * 3600.0) > 1e-4
    (tmp_path / "again").mkdir()
    again = tmp_path / "again" / "case.toml"
    again.write_text(dump(found))
    assert load(again).therapy == found.therapy


def test_another_drug_is_another_growth(tmp_path: Path) -> None:
    clot = next(stage for stage in STAGES if stage.name == "clot")
    with_drug, without = load(case(tmp_path, DRUG)), load(case(tmp_path))
    assert clot.settings(with_drug) != clot.settings(without)


def test_drugs_without_a_model_that_knows_them_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="drugs need a clot model"):
        load(case(tmp_path, DRUG, model=False))


def test_columns_of_the_table_have_their_own_time_on_the_drug(tmp_path: Path) -> None:
    drugs = load(case(tmp_path, DRUG)).therapy.drug
    times = (0.0, 3.0 * 3600.0, 12.0 * 3600.0)
    apart = [treated(drugs, Conditions(), time) for time in times]
    together = stacked(apart)
    assert together.xa_drug is not None
    free = together.xa_drug.free
    assert np.array_equal(free, [one.xa_drug.free for one in apart])  # type: ignore[union-attr]
    assert free[1] > free[2] > free[0] == 0.0
    assert together.plasma == Conditions().plasma  # what is the same for all stays one number
