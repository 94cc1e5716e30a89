"""Clot models; one file a model."""

from core.registry import Registry
from core.settings import Settings


class ClotModel(Settings):
    """How a clot grows in blood of a given shear rate and age."""


models = Registry("clot model", __name__, ClotModel)
