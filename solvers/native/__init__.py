"""Compiled loops of the flow step: C sources, and what they are called by."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from core import native

HERE = Path(__file__).parent
KINDS = ("float64", "int32", "int64")


@cache
def sweeps() -> ctypes.CDLL | None:
    """Loops over cells and sparse rows; None where this machine has no compiler."""
    sources = [HERE / name for name in ("linear.c", "quadratic.c", "rows.c")]
    library = native.library("sweeps", sources, [HERE / "block.h"])
    if library is not None:
        for name in ("linear_lack", "quadratic_lack", "half_step"):
            getattr(library, name).restype = ctypes.c_double
    return library


@cache
def cholesky(*, single: bool = False) -> ctypes.CDLL | None:
    """CHOLMOD, its factors in double or ``single`` precision; None where it or a compiler is
    missing.
    """
    double, half = HERE / "cholesky.c", HERE / "single.c"
    library = (
        native.library("single", [half], [double], libraries=["cholmod"])
        if single
        else native.library("cholesky", [double], libraries=["cholmod"])
    )
    if library is not None:
        library.cholesky_new.restype = ctypes.c_void_p
    return library


def pointer(array: NDArray[Any] | None) -> ctypes.c_void_p:
    """Address of a contiguous array for a compiled loop; the caller keeps the array alive."""
    if array is None:
        return ctypes.c_void_p()
    if not array.flags.c_contiguous or array.dtype not in KINDS:
        raise TypeError(f"compiled loops take whole arrays of {KINDS}, not {array.dtype}")
    return ctypes.c_void_p(array.ctypes.data)
