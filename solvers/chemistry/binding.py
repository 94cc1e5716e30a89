"""Fast binding at equilibrium: how much of a substance is free, and how much sits on each site."""

from typing import Any

import numpy as np

from solvers.chemistry.dual import root, value

LOOPS = 60
CLOSE = 1e-14


def bound(a: Any, b: Any, k: Any) -> Any:
    """Complex of a and b, w = 2ab/(s + √((a−b)² + 2k(a+b) + k²)), s = a + b + k; k: (a−w)(b−w)/w.

    All in one unit; a form without cancellation.
    """
    d = a - b
    s = a + b
    return 2.0 * a * b / (s + k + root(d * d + (2.0 * s + k) * k))


def shared(total: Any, a: Any, ka: Any, b: Any, kb: Any) -> tuple[Any, Any]:
    """Complexes of ``total`` with ``a`` and with ``b``, which compete for it.

    f + a f/(ka+f) + b f/(kb+f) = total has one root f ≥ 0. The left side is concave, so Newton's
    iterates stay below the root and climb to it; a last step on `Dual` numbers gives exact slopes.
    """
    t, va, vka, vb, vkb = (value(x) for x in (total, a, ka, b, kb))
    f = np.maximum(t - bound(t, va, vka), 0.0)
    close = CLOSE * (np.abs(t) + 1e-30)
    moving = np.ones(np.shape(f), bool)
    for _ in range(LOOPS):
        step = _excess(f, t, va, vka, vb, vkb) / _slope(f, va, vka, vb, vkb)
        # a point that has arrived stays: others must not move its last digit
        f = np.where(moving, np.maximum(f - step, 0.0), f)
        moving &= np.abs(step) > close
        if not moving.any():
            break
    free = f - _excess(f, total, a, ka, b, kb) / _slope(f, va, vka, vb, vkb)
    return a * free / (ka + free), b * free / (kb + free)


def _excess(f: Any, total: Any, a: Any, ka: Any, b: Any, kb: Any) -> Any:
    return f * (1.0 + a / (ka + f) + b / (kb + f)) - total


def _slope(f: Any, a: Any, ka: Any, b: Any, kb: Any) -> Any:
    return 1.0 + a * ka / (ka + f) ** 2 + b * kb / (kb + f) ** 2
