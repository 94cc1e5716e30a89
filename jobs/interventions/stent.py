"""A stent."""

from typing import Literal

from core.settings import effective
from jobs.interventions import Base, Intervention, Table, reshape
from meshes.changes.stent import Stent


class StentPlaced(Stent, Intervention):
    """The lumen opened to d (1 − r) over its length, by moving the mesh; see `meshes.stenting`.

    Struts are not modelled, nor what they do to the wall.
    """

    kind: Literal["stent"] = "stent"

    def change(self, table: Table, base: Base) -> None:  # noqa: ARG002
        """One change of the mesh."""
        reshape(table, effective(self))
