"""Metrics: one pure function of arrays each, declared with name, unit, needs and source.

A function in a file of this folder under ``@metric(…)`` is all that a new metric takes. ``needs``
names the arrays it is called with, which are those of `postprocess.inputs.Inputs`; ``at`` makes a
family, one metric for each value, which comes as the last argument; ``each`` names the input that
labels the parts of a metric that returns several numbers.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Formula = Callable[..., Any]


@dataclass(frozen=True)
class Metric:
    """A number with a name: SI ``unit``, the unit it is shown in, the arrays it is made of."""

    name: str
    label: str
    unit: str
    shown_unit: str
    needs: tuple[str, ...]
    source: str
    formula: Formula
    at: float | None = None
    each: str = ""
    site: str = ""
    brief: bool = False
    group: str = ""

    def __call__(self, *arrays: Any) -> Any:
        """The number in SI, or one number for each part."""
        result = self.formula(*arrays) if self.at is None else self.formula(*arrays, self.at)
        return np.asarray(result, dtype=float) if self.each else float(result)

    @property
    def definition(self) -> str:
        """What the number is, in one line."""
        line = (self.formula.__doc__ or "").strip().splitlines()[0]
        return line if self.at is None else line.replace("``at``", f"{self.at:g}")


_METRICS: dict[str, Metric] = {}


def metric(
    name: str,
    label: str,
    unit: str,
    shown_unit: str,
    *,
    needs: tuple[str, ...],
    source: str = "",
    at: Sequence[float] = (),
    each: str = "",
    site: str = "",
    brief: bool | float = False,
) -> Callable[[Formula], Formula]:
    """Declare the function below as the metric ``name``.

    ``label`` may hold ``{at:g}`` and ``{part}``. ``site`` names the input that is the measuring
    site; ``brief`` metrics stand on the first page (of a family: the one at that value), the
    others in the appendix.
    """

    def declare(formula: Formula) -> Formula:
        group = formula.__module__.rpartition(".")[2]
        for value in at or (None,):
            full = name if value is None else f"{name}_{value:g}"
            text = label if value is None else label.replace("{at:g}", f"{value:g}").replace(
                "{at:.2f}", f"{value:.2f}"
            )
            if full in _METRICS:
                raise ValueError(f"two metrics are called {full!r}")
            _METRICS[full] = Metric(
                full, text, unit, shown_unit, needs, source, formula,
                at=value, each=each, site=site, group=group,
                brief=brief if isinstance(brief, bool) else brief == value,
            )
        return formula

    return declare


def metrics() -> dict[str, Metric]:
    """All metrics by name; imports the modules of this folder."""
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        importlib.import_module(f"{__name__}.{info.name}")
    return dict(_METRICS)
