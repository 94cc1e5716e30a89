"""A family of meshes of one vessel for a study of convergence: all edges shorter by one ratio."""

from collections.abc import Iterator
from typing import Any

from core.errors import CaseError
from meshes.sources import MeshSource


def members(source: MeshSource, count: int, ratio: float) -> Iterator[MeshSource]:
    """The source itself, then ``count - 1`` finer ones, edges divided by ``ratio`` each time.

    Sizes, refined zones and edges across narrow vessels all change together; wall layers keep
    their thickness and become more. Raises `CaseError` for a mesh from a file.
    """
    if "size" not in type(source).model_fields and count > 1:
        raise CaseError(
            "a mesh from a file cannot be made finer",
            where="mesh.kind",
            do="give the image or surface that it was made from, or one file a mesh",
        )
    for level in range(count):
        yield _finer(source, ratio**level) if level else source


def _finer(source: MeshSource, times: float) -> MeshSource:
    known = type(source).model_fields
    changes: dict[str, Any] = {"size": getattr(source, "size") / times}  # noqa: B009
    if "refine" in known:
        zones = getattr(source, "refine")  # noqa: B009
        changes["refine"] = tuple(z.model_copy(update={"size": z.size / times}) for z in zones)
    for name in ("across", "layers"):
        if name in known:
            changes[name] = round(getattr(source, name) * times)
    return source.model_copy(update=changes)
