#!/usr/bin/env python3
"""Writes the three visits of the synthetic patient, as a richer model measures them.

    python3 write_visits.py RUN [FOLDER]      visit-1.toml, visit-2.toml, visit-3.toml, doppler.csv

The patient has the veins of the measured run RUN, wider by a little and tighter at the narrowing
than the image shows; flow, thrombus and examiner are those of `benchmarks/_richer_patient.py`,
which the twin does not know. The truth is printed, to compare the twin with.
"""

import datetime
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import _richer_patient as richer
from core.units import from_si
from jobs.toml import dumps
from jobs.twin.spec import imaged

SEED, IMAGE = 12, datetime.date(2026, 1, 5)
VISITS = ((2, ("enoxaparin",), True), (33, ("rivaroxaban",), False), (92, ("rivaroxaban",), False))
"""Days after the image, drugs, and whether a catheter was used."""
SHOWN = {
    "velocity": ("m/s", "cm/s"), "flow": ("m^3/s", "mL/min"), "diameter": ("m", "mm"),
    "area": ("m^2", "mm^2"), "gradient": ("Pa", "mmHg"), "pressure": ("Pa", "mmHg"),
    "thrombus_volume": ("m^3", "mL"),
}  # fmt: skip


def patient(run: Path, rng: np.random.Generator) -> richer.Patient:
    """The patient whose image became the run."""
    veins, sites = imaged(run)
    arcs, areas = {}, {}
    for name, vein in veins.items():
        arcs[name] = np.linspace(vein.arc[0], vein.arc[-1], 161)
        areas[name] = 1.04 * np.interp(arcs[name], vein.arc, vein.area)
    lesion = sites["lesion"].arc
    near = np.exp(-0.5 * ((arcs["left"] - lesion) / 0.008) ** 2)
    areas["left"] = areas["left"] * 0.8**near
    places = {name: (place.vein, place.arc) for name, place in sites.items()}
    places["other"] = ("right", 0.03)
    return replace(
        richer.draw(rng), areas=areas, arcs=arcs, aspect=1.0 + 2.0 * near, inflow=6.3e-6,
        closed=0.62, fast=np.log(2.0) / 16.0, slow=np.log(2.0) / 110.0, share=0.7, sites=places,
        clot=(0.014, 0.038),
    )  # fmt: skip


def main(run: Path, folder: Path) -> None:
    """Write the visits into ``folder``."""
    rng = np.random.default_rng(SEED)
    who = patient(run, rng)
    for number, (day, drugs, catheter) in enumerate(VISITS, 1):
        rows = richer.measure(who, float(day), rng, catheter=catheter)
        table = {
            "date": IMAGE + datetime.timedelta(days=day), "pseudonym": "SYNTHETIC-02",
            "drugs": list(drugs),
        }  # fmt: skip
        text = dumps(table)
        if number == 1:
            text += '\n[[signal]] # Doppler envelope at the reference\nfile = "doppler.csv"\n'
        for row in rows:
            text += "\n[[observation]]\n" + dumps(_rounded(row))
        (folder / f"visit-{number}.toml").write_text(text)
        print(f"day {day}: {_truth(who, float(day))}")
    _doppler(who, folder / "doppler.csv", rng)


def _rounded(row: dict) -> dict:
    """A measurement as a person writes it."""
    device = {
        "gradient": "catheter", "pressure": "catheter", "area": "IVUS", "thrombus_volume": "MR",
    }  # fmt: skip
    row = {**row, "device": device.get(row["kind"], "duplex")}
    if isinstance(row["value"], str):
        unit, shown = SHOWN[row["kind"]]
        number = from_si(float(row["value"].split()[0]), unit, shown)
        return {**row, "value": f"{number:.3g} {shown}"}
    return {**row, "value": round(row["value"], 2)}


def _truth(who: richer.Patient, day: float) -> str:
    seen = richer.examine(who, day)
    fall = (seen.pressure["peripheral"] - seen.pressure["central"]) / 133.322
    return (
        f"gradient {fall:.2f} mmHg, narrowest lumen {1e6 * seen.lumen['lesion']:.1f} mm2, inflow "
        f"{6e7 * who.inflow:.0f} mL/min, thrombus {1e6 * richer.thrombus_volume(who, day):.2f} mL"
    )


def _doppler(who: richer.Patient, path: Path, rng: np.random.Generator) -> None:
    """A minute of the envelope: breaths of uneven length, and noise."""
    times = np.arange(0.0, 60.0, 0.04)
    ends = np.concatenate([[0.0], np.cumsum(4.2 * (1.0 + 0.06 * rng.standard_normal(20)))])
    phase = np.interp(times, ends, np.arange(len(ends)))
    mean = 160.0 * who.inflow / np.interp(0.02, who.arcs["left"], who.areas["left"])
    wave = mean * (1.0 + who.swing * np.cos(2.0 * np.pi * phase)) + rng.standard_normal(len(times))
    rows = [f"{t:.2f}, {v:.2f}" for t, v in zip(times, wave, strict=True)]
    path.write_text("\n".join(["time [s], envelope [cm/s]", *rows]) + "\n")


if __name__ == "__main__":
    here = Path(__file__).parent
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else here)
