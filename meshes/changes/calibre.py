"""Whole veins made wider or narrower."""

from typing import Literal

import numpy as np

from core.settings import quantity
from meshes import morph
from meshes.changes import MeshChange
from meshes.tagged import TaggedMesh


class Calibre(MeshChange):
    """r → f r along whole ``branches`` (all, where none is named)."""

    kind: Literal["calibre"] = "calibre"
    branches: tuple[str, ...] = ()
    factor: float = quantity("1", None, "new radius over the old", at_least=0.3, at_most=2.0)

    def applied(self, mesh: TaggedMesh) -> TaggedMesh:
        """Every plane scaled about its middle."""
        names = self.branches or tuple({name.decode() for name in mesh.sections.branch})
        scales = dict.fromkeys(names, lambda arc: np.full(arc.shape, self.factor))
        return morph.morphed(mesh, scales)
