"""Which uncertain input matters most for a result: Sobol' indices, or rank regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from calibration.designs import unit_problem

Array = NDArray[Any]
SOBOL, RANKS = "Sobol' total index", "share of the rank regression"
FEWEST_BLOCKS = 8
"""Fewest whole blocks of a Sobol' design that an index is made from."""
EXPLAINED = 0.5
"""Least R² of the ranks: below it the regression says too little to rank inputs by."""


@dataclass(frozen=True)
class Effect:
    """What one input does: its ``share`` of the variance with a 95 % half width ``error``, its own
    part ``first`` of that (alone, without interactions), and whether the result rises with it.
    """

    name: str
    share: float
    error: float
    first: float | None
    rises: bool


@dataclass(frozen=True)
class Sensitivity:
    """Effects, the largest first; ``measure`` says what the shares are, ``count`` from how many
    members, ``explained`` how much of the variance they account for (R²; None for Sobol').
    """

    effects: tuple[Effect, ...]
    measure: str
    count: int
    explained: float | None = None


def sobol(
    shares: Array, outputs: Array, names: Sequence[str], seed: int = 1
) -> Sensitivity | None:
    """First-order and total Sobol' indices (Saltelli 2010, Jansen 1999) of a `saltelli` design.

    A block with a missing member is left out whole; None where fewer than 8 blocks are left or
    the result does not vary.
    """
    from SALib.analyze import sobol as analysis

    size = len(names) + 2
    blocks = np.asarray(outputs, dtype=float).reshape(-1, size)
    known = np.isfinite(blocks).all(axis=1)
    left = blocks[known].ravel()
    if known.sum() < FEWEST_BLOCKS or not np.ptp(left) > 0.0:
        return None
    found = analysis.analyze(
        unit_problem(len(names)), left, calc_second_order=False, seed=seed, num_resamples=200
    )
    inputs = np.asarray(shares).reshape(len(blocks), size, -1)[known].reshape(len(left), -1)
    effects = [
        Effect(
            name, float(found["ST"][i]), float(found["ST_conf"][i]), float(found["S1"][i]),
            bool(_spearman(inputs[:, i], left) >= 0.0),
        )
        for i, name in enumerate(names)
    ]
    return Sensitivity(_sorted(effects), SOBOL, int(known.sum()) * size)


def rank_regression(inputs: Array, outputs: Array, names: Sequence[str]) -> Sensitivity | None:
    """The parts β_i r_i of R² of a linear regression of the ranks (Pratt), for any design.

    β_i is the standardised coefficient of an input, r_i its own rank correlation. Holds where the
    result rises or falls steadily with each input; R² tells whether it does. None where there are
    fewer than three members for each input or the result does not vary.
    """
    known = np.isfinite(np.asarray(outputs, dtype=float))
    x, y = np.asarray(inputs, dtype=float)[known], np.asarray(outputs, dtype=float)[known]
    if len(y) < 3 * (len(names) + 1) or not np.ptp(y) > 0.0:
        return None
    ranks: Array = stats.rankdata(x, axis=0)
    ranks = (ranks - ranks.mean(axis=0)) / np.maximum(ranks.std(axis=0), 1e-12)
    goal = stats.rankdata(y)
    goal = (goal - goal.mean()) / goal.std()
    slopes = np.linalg.lstsq(ranks, goal, rcond=None)[0]
    rest = goal - ranks @ slopes
    free = len(y) - len(names) - 1
    spread = np.linalg.pinv(ranks.T @ ranks).diagonal() * (rest @ rest) / free
    half = stats.t.ppf(0.975, free) * np.sqrt(np.maximum(spread, 0.0))
    alone = ranks.T @ goal / len(y)
    effects = [
        Effect(
            name, max(0.0, float(slope * own)), float(2 * abs(slope) * width), None,
            bool(slope >= 0.0),
        )
        for name, slope, own, width in zip(names, slopes, alone, half, strict=True)
    ]
    explained = 1.0 - float(rest @ rest) / float(goal @ goal)
    return Sensitivity(_sorted(effects), RANKS, len(y), explained)


def _sorted(effects: list[Effect]) -> tuple[Effect, ...]:
    return tuple(sorted(effects, key=lambda effect: -effect.share))


def _spearman(x: Array, y: Array) -> float:
    return float(stats.spearmanr(x, y).statistic) if np.ptp(x) > 0.0 else 0.0
