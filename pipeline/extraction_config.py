"""What a user may set about extraction: trained models in place of rules, and what is counted beside claims."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.content import folder_hash
from pipeline.finders import finder_name
from pipeline.preference import Preference

__all__ = ["ExtractionConfig"]


class ExtractionConfig(BaseModel):
    """What reads sentences. Models enter skip keys by their content, so that one trained anew is read with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ner: str | None = Field(
        None,
        description="recogniser that goes before the dictionary: the folder of a model (`materia train ner`, `materia finetune "
        "entity_recognition`, spaCy, Hugging Face token classifier), or the name of an installed spaCy model; folders are relative to "
        "the configuration file",
    )
    linker: str | None = Field(
        None, description="folder that `materia train linker` wrote, for what the recogniser finds; relative likewise"
    )
    linker_encoder: str | None = Field(
        None,
        description="Hugging Face encoder (folder, relative likewise) that re-ranks what the linker is unsure of; SapBERT's kind",
    )
    prefer: dict[str, tuple[str, ...]] = Field(
        {},
        description="Biolink class -> prefixes of vocabularies in the order in which a name means their concepts; subclasses "
        "inherit: `{Disease: [MONDO, MESH], ChemicalEntity: [CHEBI, MESH]}`. Others go by the shipped order",
    )
    relations: str | None = Field(
        None,
        description="folder that `materia train relations` or `materia finetune relation_extraction` wrote: claims beside those "
        "of patterns; relative likewise",
    )
    cooccurrence: bool = Field(
        False, description="whether concepts named together more often than by chance are evidence"
    )
    cooccurrence_minimum: int = Field(3, ge=1, description="papers that must name two concepts together for that")

    @field_validator("prefer")
    @classmethod
    def _whole_classes(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return Preference(value).orders

    def mention_models(self) -> list[str | None]:
        """What the mentions depend on: name and content of the recogniser, content of its linker and of the linker's
        encoder; nothing without a recogniser.

        Raises:
            MateriaError: there is no such model.
        """
        if self.ner is None:
            return []
        encoder = [folder_hash(Path(self.linker_encoder))] if self.linker_encoder else []
        return [finder_name(self.ner), folder_hash(Path(self.linker)) if self.linker else None, *encoder]

    def relation_model(self) -> str | None:
        """What the claims depend on beside the rules: the content of the classifier.

        Raises:
            MateriaError: there is no such model.
        """
        return folder_hash(Path(self.relations)) if self.relations else None

    def with_folders(self, whole: Callable[[str], str]) -> ExtractionConfig:
        """The same with the folders written whole. A recogniser's name without a slash may be that of an installed model: it is a
        folder only where there is one.
        """
        changed = {
            name: whole(path) for name in ("linker", "linker_encoder", "relations") if (path := getattr(self, name))
        }
        if self.ner and ("/" in self.ner or Path(whole(self.ner)).is_dir()):
            changed["ner"] = whole(self.ner)
        return self.model_copy(update=changed)
