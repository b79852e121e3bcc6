"""What a user may state about the corpus as a published dataset. It changes the data card and the Croissant metadata, no passage."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DatasetConfig"]


class DatasetConfig(BaseModel):
    """What a published corpus says of itself that no input tells. What is not set here is said to be not stated, never guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("Materia corpus", pattern=r"^[^\r\n]+$", description="name of the corpus as a dataset, one line")
    description: str | None = Field(
        None, description="what it is, for its readers; a sentence with its size where not set"
    )
    version: str = Field(
        "1.0.0",
        pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$",
        description="MAJOR.MINOR.PATCH; a hash of the content is added",
    )
    licence: str | None = Field(None, description="licence of the corpus: an SPDX identifier (CC-BY-4.0) or a URL")
    licences: dict[str, str] = Field(
        {},
        description="licences of the sources, by name or pattern of the file (`pubmed/*: ...`); the first that fits counts",
    )
    creators: dict[str, Literal["person", "organization"]] = Field({}, description="who made it, and what each is")
    url: str | None = Field(None, pattern=r"^https?://", description="page of the corpus")
    published: date | None = Field(None, description="day of publication, YYYY-MM-DD")
    citation: str | None = Field(None, description="how to cite it, BibTeX for preference")

    def licence_of(self, source: str) -> str | None:
        """The licence set for a source by its name, or None."""
        return next((text for pattern, text in self.licences.items() if fnmatchcase(source, pattern)), None)
