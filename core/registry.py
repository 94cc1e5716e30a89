"""A family of interchangeable parts, each in a file of its own, named by `kind` in a case."""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from pydantic import PlainSerializer, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from core.settings import Settings, effective


class Registry[T: Settings]:
    """The parts found in one folder, by the ``kind`` that a case file gives them.

    A module of ``package`` that defines a subclass of ``base`` with a ``kind`` field adds a part:
    dropping in the file is the whole change.
    """

    def __init__(self, family: str, package: str, base: type[T]) -> None:
        self.family, self.package, self.base = family, package, base

    def parts(self) -> dict[str, type[T]]:
        """All parts by name; imports the folder's modules."""
        package = importlib.import_module(self.package)
        found: dict[str, type[T]] = {}
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            module = importlib.import_module(f"{self.package}.{info.name}")
            for part in vars(module).values():
                if self._is_part(part, module.__name__):
                    found[part.model_fields["kind"].default] = part
        return found

    def _is_part(self, part: object, module: str) -> bool:
        return (
            isinstance(part, type)
            and issubclass(part, self.base)
            and part.__module__ == module
            and "kind" in part.model_fields
        )

    def build(self, table: Any) -> T:
        """The part that ``table["kind"]`` names, made from ``table``."""
        if isinstance(table, self.base):
            return table
        if not isinstance(table, Mapping) or "kind" not in table:
            names = ", ".join(sorted(self.parts()))
            raise PydanticCustomError("part", f'needs kind = "…" of the {self.family}: {names}')
        parts = self.parts()
        kind = table["kind"]
        if not isinstance(kind, str) or kind not in parts:
            near = difflib.get_close_matches(str(kind), parts, 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(parts))}"
            )
            raise PydanticCustomError("part", f"no {self.family} of kind {kind!r}; {hint}")
        try:
            return parts[kind].model_validate(dict(table))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(step) for step in first["loc"])
            message = str(first["msg"]).removeprefix("Value error, ")
            raise PydanticCustomError("part", f"{path}: {message}" if path else message) from error

    def field(self) -> Any:
        """Annotations that make a pydantic field hold one of these parts."""
        return PlainValidator(self.build), PlainSerializer(effective)
