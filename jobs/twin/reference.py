"""The smoother's last posterior beside one by Markov chains, from the same prior and data."""

from pathlib import Path
from typing import Any

from calibration.observations import Data
from calibration.reference import chains
from jobs.twin import files, fit
from jobs.twin.model import predictor, split


def compared(folder: Path) -> list[dict[str, Any]]:
    """Each unknown of the veins by both ways, for a twin with one version. Raises `TwinError`."""
    twin, kept = files.opened(folder)
    veins = twin.models[0]
    data: Data = split(twin, kept[0].visit, files.VISIT)[veins.name]
    smoothed = kept[0].ensembles[veins.name]
    sampled = chains(
        predictor(twin, veins, data), smoothed, data.values, data.sd, seed=twin.spec.seed
    )
    rows = []
    for i, parameter in enumerate(veins.space.parameters):
        off = (smoothed[:, i].mean() - sampled[:, i].mean()) / sampled[:, i].std()
        rows.append(
            {
                "name": parameter.name, "unit": parameter.unit, "shown": parameter.shown,
                "smoother": fit.span(veins.space.values(smoothed)[:, i]),
                "chains": fit.span(veins.space.values(sampled)[:, i]), "off": float(off),
            }
        )  # fmt: skip
    return rows
