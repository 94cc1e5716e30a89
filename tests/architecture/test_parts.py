"""Every part that a case can name says what it is, and every number in it has a unit."""

import importlib
import types
import typing

import pytest
from pydantic import BaseModel

from core.registry import Registry
from core.settings import Settings, unit_of
from jobs.case import Case

FAMILIES = (
    "meshes.sources", "solvers.boundaries", "solvers.rheology", "solvers.waveforms",
    "solvers.clots", "solvers.chemistry.drugs", "solvers.obstacles", "meshes.changes",
    "jobs.interventions",
)


def _registries() -> list[Registry[Settings]]:
    return [
        value for name in FAMILIES for value in vars(importlib.import_module(name)).values()
        if isinstance(value, Registry) and value.package == name
    ]


PARTS = [
    pytest.param(part, id=f"{registry.family}: {kind}")
    for registry in _registries() for kind, part in registry.parts().items()
]


def _models(annotation: object) -> list[type[BaseModel]]:
    """The settings classes in an annotation such as `tuple[Zone, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models(inner)]


def _has_float(annotation: object) -> bool:
    if isinstance(annotation, types.GenericAlias | types.UnionType) or typing.get_args(annotation):
        return any(_has_float(inner) for inner in typing.get_args(annotation))
    return annotation is float


def _settings(model: type[BaseModel]) -> set[type[BaseModel]]:
    """``model`` and all settings below it."""
    found = {model}
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            found |= _settings(inner)
    return found


def _naked(model: type[BaseModel]) -> list[str]:
    """The numbers of ``model`` that have no unit."""
    return [
        f"{inner.__name__}.{name}" for inner in _settings(model)
        for name, field in inner.model_fields.items()
        if _has_float(field.annotation) and unit_of(field) is None
    ]


def test_each_family_has_parts() -> None:
    assert len(_registries()) == len(FAMILIES)
    assert all(registry.parts() for registry in _registries())


@pytest.mark.parametrize("part", PARTS)
def test_part_says_what_it_is(part: type[Settings]) -> None:
    assert vars(part).get("__doc__")


@pytest.mark.parametrize("part", PARTS)
def test_numbers_of_a_part_have_units(part: type[Settings]) -> None:
    assert not _naked(part)


@pytest.mark.parametrize("part", PARTS)
def test_kind_is_fixed(part: type[Settings]) -> None:
    kind = part.model_fields["kind"]
    assert typing.get_args(kind.annotation) == (kind.default,)


def test_numbers_of_the_case_have_units() -> None:
    assert not _naked(Case)


def test_the_check_sees_a_naked_number() -> None:
    class Naked(Settings):
        """A number without a unit."""

        radius: float | None = None

    assert _naked(Naked) == ["Naked.radius"]
