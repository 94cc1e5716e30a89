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
        for name in ("linear_lack", "quadratic_lack", "residual"):
            getattr(library, name).restype = ctypes.c_double
    return library


@cache
def cholesky() -> ctypes.CDLL | None:
    """CHOLMOD; None where it or a compiler is missing."""
    library = native.library("cholesky", [HERE / "cholesky.c"], libraries=["cholmod"])
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
