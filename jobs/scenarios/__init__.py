"""The `[scenario.NAME]` tables of a case: what could be done, each a run derived from the base."""

import re
from typing import Annotated, Any

from pydantic import Field

from core.settings import Settings
from jobs.interventions import Intervention, interventions

BASE = "base"
"""What the case itself is called beside its scenarios."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)


class Scenario(Settings):
    """Overrides on the base, then interventions in their order."""

    title: str = Field(default="", max_length=60, description="what a reader calls it")
    set: dict[str, Any] = Field(default={}, description="settings that differ, by dotted path")
    intervention: tuple[Annotated[Intervention, *interventions.field()], ...] = ()

    @property
    def is_choice(self) -> bool:
        """Whether it is an option to choose, not a condition that the vein is looked at in."""
        return all(one.is_choice for one in self.intervention)
