"""Which values the members of an ensemble get: distributions, and designs over them.

A design is first a table of shares (members, fields) in (0, 1), the same whatever is varied; the
quantile function of each field turns its column into values.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from core.errors import CaseError

Array = NDArray[Any]


@dataclass(frozen=True)
class Distribution:
    """How one number may lie: ``kind`` with its ``numbers``, cut off below ``least`` and above
    ``most``.

    uniform: low, high · normal: mean, sd · lognormal: median, factor (68 % lie within ×÷ factor) ·
    triangular: low, mode, high.
    """

    kind: str
    numbers: Mapping[str, float]
    least: float = -np.inf
    most: float = np.inf

    def values(self, shares: Array) -> Array:
        """The quantiles at ``shares`` in (0, 1). Raises `ValueError`."""
        whole = self._whole()
        low, high = (float(whole.cdf(end)) for end in (self.least, self.most))
        if not high > low:
            raise ValueError("the limits leave nothing of the distribution")
        return np.asarray(whole.ppf(low + (high - low) * np.asarray(shares, dtype=float)))

    def _whole(self) -> Any:
        n = self.numbers
        match self.kind:
            case "uniform":
                _ascending(n["low"], n["high"])
                return stats.uniform(n["low"], n["high"] - n["low"])
            case "normal":
                _ascending(0.0, n["sd"])
                return stats.norm(n["mean"], n["sd"])
            case "lognormal":
                _ascending(0.0, n["median"])
                _ascending(1.0, n["factor"])
                return stats.lognorm(np.log(n["factor"]), scale=n["median"])
            case "triangular":
                low, mode, high = n["low"], n["mode"], n["high"]
                _ascending(low, high)
                if not low <= mode <= high:
                    raise ValueError("mode must lie between low and high")
                return stats.triang((mode - low) / (high - low), low, high - low)
        raise ValueError(f"no distribution of kind {self.kind!r}")


NUMBERS = {
    "uniform": ("low", "high"), "normal": ("mean", "sd"), "lognormal": ("median", "factor"),
    "triangular": ("low", "mode", "high"),
}
"""What each kind of distribution is made of; a factor has no unit."""


def _ascending(low: float, high: float) -> None:
    if not high > low:
        raise ValueError(f"{high:g} is not above {low:g}")


def latin_hypercube(members: int, fields: int, seed: int) -> Array:
    """Shares (members, fields): each field has exactly one member in each of its equal parts."""
    return np.asarray(stats.qmc.LatinHypercube(fields, rng=seed).random(members))


def saltelli(blocks: int, fields: int, seed: int) -> Array:
    """Shares (blocks · (fields + 2), fields) for Sobol' indices: A, A with one column of B, B.

    ``blocks`` must be a power of two: the balance of the sequence depends on it.
    """
    from SALib.sample import sobol

    if blocks < 2 or blocks & (blocks - 1):
        raise ValueError(f"{blocks} is no power of two")
    problem = unit_problem(fields)
    shares = sobol.sample(problem, blocks, calc_second_order=False, seed=seed)
    # a quantile at 0 or 1 may be infinite
    return np.clip(shares, 1e-9, 1.0 - 1e-9)


def unit_problem(fields: int) -> dict[str, Any]:
    """SALib's description of ``fields`` shares."""
    names = [str(number) for number in range(fields)]
    return {"num_vars": fields, "names": names, "bounds": [[0.0, 1.0]] * fields}


def posterior(path: Path) -> tuple[list[tuple[str, str]], Array]:
    """Samples from a CSV file: (field, unit) of each column, values (members, fields).

    The head says "field [unit]"; a row is a member. Raises `CaseError`.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(line for line in file if line.strip() and line[0] != "#")
        values = np.array([[float(cell) for cell in row] for row in rows])
        if values.ndim != 2 or values.shape[1] != len(head) or not np.isfinite(values).all():
            raise ValueError("rows of one number for each column are needed")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CaseError(
            f"cannot read the samples: {reason}", where=str(path),
            do='the first line names each field and its unit, "flow.density [kg/m^3]"; '
            "each further line is a member",
        ) from error
    return [_named(title) for title in head], values


def _named(title: str) -> tuple[str, str]:
    name, _, unit = title.partition("[")
    return name.strip(), unit.strip(" ]") or "1"


def chosen(values: Array, members: int, seed: int) -> Array:
    """``members`` different rows of ``values``, drawn with ``seed``. Raises `ValueError`."""
    if members > len(values):
        raise ValueError(f"{members} members are asked for, the file holds {len(values)} samples")
    rows = np.random.default_rng(seed).permutation(len(values))[:members]
    return np.asarray(values[np.sort(rows)])
