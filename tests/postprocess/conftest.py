"""A fabricated run with closed forms, made once, and the numbers measured on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.store import Results
from postprocess.findings import Findings, load
from postprocess.inputs import Inputs
from postprocess.measure import MeasureSettings, measure
from tests.postprocess.tube import Tube, write

KEY = "4e77aa01" * 8
PATIENT = {
    "pseudonym": "SYN-0001", "side": "left", "sex": "female", "age_band": "30-39",
    "study": "CT venography", "date": "2026-11-20",
}


@pytest.fixture(scope="session")
def tube() -> Tube:
    return Tube()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, tube: Tube) -> Path:
    return write(tmp_path_factory.mktemp("run") / "results.h5", tube)


@pytest.fixture(scope="session")
def inputs(run: Path) -> Inputs:
    return Inputs(Results(run), MeasureSettings())


@pytest.fixture(scope="session")
def measured(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    out = tmp_path_factory.mktemp("measured") / "metrics.json"
    measure(run, out, MeasureSettings(), key=KEY)
    return load(out)


@pytest.fixture
def measure_run(tmp_path: Path) -> Callable[..., Findings]:
    """Fabricates a run with the given properties and measures it; files are left in tmp_path."""

    def make(settings: MeasureSettings | None = None, **properties: Any) -> Findings:
        results = write(tmp_path / "results.h5", Tube(**properties))
        measure(results, tmp_path / "metrics.json", settings or MeasureSettings(), key=KEY)
        return load(tmp_path / "metrics.json")

    return make
