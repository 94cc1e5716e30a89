"""A reference posterior by Markov chains (emcee): slow and exact, to check the smoother."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.smoother import Model
from core.errors import CaseError

Array = NDArray[Any]


def chains(
    model: Model,
    start: Array,
    data: Array,
    sd: Array,
    *,
    steps: int = 1500,
    walkers: int = 32,
    seed: int = 1,
) -> Array:
    """Latent numbers (S, P) of the posterior: prior N(0, 1), errors N(0, sd²).

    ``start`` (N, P) are members near the posterior; the first half of each chain is left out.
    Raises `CaseError` where emcee is not installed.
    """
    try:
        import emcee
    except ImportError as error:
        raise CaseError(
            "the package emcee is not installed",
            where="reference posterior",
            do="leave out --check, or install emcee",
        ) from error

    def density(z: Array) -> Array:
        off = (model(z) - data) / sd
        value = -0.5 * np.sum(z**2, axis=1) - 0.5 * np.sum(off**2, axis=1)
        return np.where(np.isfinite(value), value, -np.inf)

    state = np.random.RandomState(seed)
    count = max(walkers, 2 * start.shape[1] + 2)
    begin = start[state.choice(len(start), count, replace=len(start) < count)]
    begin = begin + 0.01 * state.standard_normal(begin.shape)
    sampler = emcee.EnsembleSampler(count, start.shape[1], density, vectorize=True)
    sampler.random_state = state.get_state()
    sampler.run_mcmc(begin, steps)
    return np.asarray(sampler.get_chain(discard=steps // 2, flat=True))
