"""Pharmacokinetics against closed forms and measured levels; what drugs do to thrombin."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import solve_ivp

from core.errors import CaseError
from core.settings import rows
from solvers.chemistry import tga
from solvers.chemistry.amounts import IU_PER_ML
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.drugs import Dose, Drug, registry, treated
from solvers.chemistry.drugs.alteplase import Alteplase
from solvers.chemistry.drugs.apixaban import Apixaban
from solvers.chemistry.drugs.catheter import Catheter
from solvers.chemistry.drugs.dabigatran import Dabigatran
from solvers.chemistry.drugs.enoxaparin import Enoxaparin
from solvers.chemistry.drugs.heparin import UnfractionatedHeparin
from solvers.chemistry.drugs.pharmacokinetics import Compartments
from solvers.chemistry.drugs.rivaroxaban import Rivaroxaban
from solvers.chemistry.drugs.warfarin import Warfarin

HOUR = 3600.0
UG_PER_L = 1e-6


def test_every_drug_is_found_and_tells_its_sources() -> None:
    parts = registry.parts()
    assert set(parts) == {
        "alteplase",
        "apixaban",
        "catheter-alteplase",
        "dabigatran",
        "enoxaparin",
        "heparin",
        "rivaroxaban",
        "warfarin",
    }
    drug = registry.build({"kind": "warfarin", "doses": [{"amount": "5 mg", "every": "24 h"}]})
    sources = [row.source for row in rows(drug) if not row.path.startswith("doses")]
    assert sources
    assert all(sources)


def test_one_compartment_by_mouth_is_batemans_curve() -> None:
    body = Compartments(clearance=2e-6, volume=0.04, absorption=3e-4, available=0.8)
    times = np.linspace(0.0, 20 * HOUR, 60)
    ke, ka = 2e-6 / 0.04, 3e-4
    exact = 0.8 * 2e-5 * ka / (0.04 * (ka - ke)) * (np.exp(-ke * times) - np.exp(-ka * times))
    found = body.concentration(times, [Dose(amount="20 mg")])
    assert np.allclose(found, exact, rtol=1e-10, atol=1e-18)


@pytest.mark.parametrize("absorption", [None, 3e-4, 5e-5])
@pytest.mark.parametrize("duration", ["0 h", "3 h"])
def test_two_compartments_are_their_equations(absorption: float | None, duration: str) -> None:
    body = Compartments(2e-6, 0.04, absorption, 1.0, 3e-6, 0.07)
    doses = [Dose(amount="10 mg", at="1 h", duration=duration, every="8 h", until="10 h")]
    times = np.array([0.5, 1.5, 4.5, 8.9, 9.5, 20.0]) * HOUR
    found = body.concentration(times, doses)
    assert found[0] == 0.0
    for time, value in zip(times[1:], found[1:], strict=True):
        assert value == pytest.approx(_numerically(body, duration, time), rel=1e-6)


def _numerically(body: Compartments, duration: str, end: float) -> float:
    """Central concentration after 10 mg at 1 h and at 9 h, by Runge and Kutta."""
    length, starts = {"0 h": 0.0, "3 h": 3 * HOUR}[duration], (HOUR, 9 * HOUR)
    oral = body.absorption is not None
    y = np.zeros(3)
    cuts = sorted({0.0, end, *(t for s in starts for t in (s, s + length) if t < end)})
    for a, b in pairwise(cuts):
        if length == 0.0 and a in starts:
            y[0 if oral else 1] += 1e-5 if oral else 1e-5 / body.volume
        rate = sum(1e-5 / length for s in starts if length and s <= a < s + length)

        def slope(_: float, y: np.ndarray, rate: float = rate) -> list[float]:
            gut, c, p = y
            into = (body.absorption or 0.0) * gut if oral else rate
            return [
                rate * oral - (body.absorption or 0.0) * gut,
                (into + body.exchange * (p - c) - body.clearance * c) / body.volume,
                body.exchange * (c - p) / body.peripheral,
            ]

        y = solve_ivp(slope, (a, b), y, rtol=1e-10, atol=1e-20).y[:, -1]
    return float(y[1])


def _peak_and_trough(drug: Drug, interval: float, days: int = 8) -> tuple[float, float]:
    """Highest and lowest level of the last interval."""
    end = days * 24 * HOUR
    levels = drug.concentration(np.linspace(end - interval * HOUR, end - 1.0, 600))
    return float(levels.max()), float(levels.min())


@pytest.mark.parametrize(
    ("drug", "interval", "unit", "peak", "trough"),
    [
        # medians in venous thrombosis trials, ± 5 %; for rivaroxaban the range of patients
        (
            Rivaroxaban(doses=[{"amount": "20 mg", "every": "24 h"}]),
            24,
            UG_PER_L,
            (189, 419),
            (6, 87),
        ),
        (
            Apixaban(doses=[{"amount": "5 mg", "every": "12 h"}]),
            12,
            UG_PER_L,
            (125, 139),
            (60, 66),
        ),
        (
            Dabigatran(doses=[{"amount": "150 mg", "every": "12 h"}]),
            12,
            UG_PER_L,
            (166, 184),
            (57, 63),
        ),
        (
            Enoxaparin(doses=[{"amount": "8000 IU", "every": "12 h"}]),
            12,
            IU_PER_ML,
            (1.1, 1.3),
            (0.42, 0.62),
        ),
        (
            UnfractionatedHeparin(
                doses=[
                    {"amount": "6000 IU"},
                    {"amount": "32400 IU", "duration": "24 h", "every": "24 h"},
                ]
            ),
            24,
            IU_PER_ML,
            (0.3, 0.7),
            (0.3, 0.7),
        ),
    ],
)
def test_levels_are_those_measured(
    drug: Drug,
    interval: float,
    unit: float,
    peak: tuple[float, float],
    trough: tuple[float, float],
) -> None:
    high, low = _peak_and_trough(drug, interval)
    assert peak[0] <= high / unit <= peak[1]
    assert trough[0] <= low / unit <= trough[1]


def test_warfarin_takes_the_short_lived_factors_first_and_the_dose_sets_the_level() -> None:
    drug = Warfarin(doses=[{"amount": "4 mg", "every": "24 h"}])
    day = drug.factors(24 * HOUR)
    assert day["VII"] < day["PC"] < day["IX"] < day["X"] < day["II"] < 1.0
    # steady: H/H₀ = IC₅₀/(IC₅₀ + C) with the mean level, dose rate over clearance
    mean = 4.0 / 24.0 / 0.2
    month = drug.factors(30 * 24 * HOUR)
    assert month["VII"] == pytest.approx(0.34 / (0.34 + mean), rel=0.05)
    assert month["II"] == pytest.approx(month["VII"], rel=0.05)
    # and back to normal when it is stopped
    stopped = Warfarin(doses=[{"amount": "4 mg", "every": "24 h", "until": "10 d"}])
    assert stopped.factors(42 * 24 * HOUR)["II"] > 0.9


def test_alteplase_and_its_catheter() -> None:
    systemic = Alteplase(doses=[{"amount": "100 mg", "duration": "2 h"}])
    # at the end of the infusion close to rate over clearance, 1.39 mg/L
    assert systemic.tpa(2 * HOUR) * 59.0 == pytest.approx(1.39e-3, rel=0.05)
    assert systemic.tpa(2 * HOUR + 240.0) < 0.6 * systemic.tpa(2 * HOUR)
    local = Catheter(
        doses=[{"amount": "1 mg", "duration": "1 h", "every": "1 h", "until": "20 h"}],
        start=["0 mm", "0 mm", "0 mm"],
        end=["0 mm", "0 mm", "50 mm"],
    )
    assert local.infused(5.5 * HOUR) == pytest.approx(1e-6 / HOUR / 59.0)
    assert local.infused(21 * HOUR) == 0.0
    points = np.array([[0, 0, 0.02], [1e-3, 0, 0.05], [3e-3, 0, 0.02], [0, 0, 0.06]])
    assert local.near(points).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert 0.0 < local.tpa(10 * HOUR) < systemic.tpa(HOUR)


@pytest.mark.parametrize(
    ("kind", "levels"),
    [
        (Rivaroxaban, ("30 ug/L", "90 ug/L")),
        (Apixaban, ("20 ug/L", "50 ug/L")),
        (Dabigatran, ("30 ug/L", "120 ug/L")),
        (Enoxaparin, ("0.1 IU/mL", "0.3 IU/mL")),
        (UnfractionatedHeparin, ("0.05 IU/mL", "0.2 IU/mL")),
    ],
)
def test_every_anticoagulant_delays_and_lowers_thrombin_with_its_dose(
    kind: type[Any], levels: tuple[str, str]
) -> None:
    curves = [_curve(Conditions())] + [
        _curve(treated([kind(level=level)], Conditions(), 0.0)) for level in levels
    ]
    assert curves[0].lag < curves[1].lag < curves[2].lag
    assert curves[0].peak > curves[1].peak > curves[2].peak


def test_warfarin_lowers_thrombin() -> None:
    drug = Warfarin(doses=[{"amount": "4 mg", "every": "24 h"}])
    week = _curve(treated([drug], Conditions(), 7 * 24 * HOUR))
    assert week.peak < 0.5 * _curve(Conditions()).peak


def _curve(conditions: Conditions) -> tga.Curve:
    return tga.curve(5e-3, conditions, 5400.0, "full", spacing=1.0)


def test_only_the_ratio_of_dabigatrans_rates_matters() -> None:
    usual = treated([Dabigatran(level="60 ug/L")], Conditions(), 0.0)
    drug = usual.iia_drug
    assert drug is not None
    quick = replace(usual, iia_drug=replace(drug, on=4.0 * drug.on, off=4.0 * drug.off))
    assert _curve(quick).peak == pytest.approx(_curve(usual).peak, rel=0.02)


def test_mistakes_are_told() -> None:
    with pytest.raises(ValidationError, match="either doses or the level"):
        Rivaroxaban()
    with pytest.raises(ValidationError, match="either doses or the level"):
        Rivaroxaban(level="30 ug/L", doses=[{"amount": "20 mg"}])
    with pytest.raises(ValidationError, match="dimension"):
        Enoxaparin(doses=[{"amount": "80 mg"}])
    with pytest.raises(CaseError):
        treated([Rivaroxaban(level="30 ug/L"), Apixaban(level="30 ug/L")], Conditions(), 0.0)
