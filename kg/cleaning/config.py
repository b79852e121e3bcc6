"""What a user may set about cleaning. Every rule has a threshold, and none where it is switched off (null)."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["CleaningConfig"]


class CleaningConfig(BaseModel):
    """Which passages stay out of the corpus. A rule that is null is switched off; words are words, or Chinese characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shortest: int | None = Field(4, ge=1, description="fewest words of a literature passage")
    longest: int | None = Field(2000, ge=1, description="most words of a passage")
    letters: float | None = Field(
        0.3, ge=0, le=1, description="smallest share of letters among the characters of a literature passage"
    )
    digits: float | None = Field(
        0.5, ge=0, le=1, description="largest share of digits among them: beyond it, a passage is a table"
    )
    repeated: float | None = Field(
        0.5,
        ge=0,
        le=1,
        description="largest share of words in runs of five that stood in the literature passage before",
    )
    damaged: int | None = Field(
        0, ge=0, description="most signs of a wrong encoding in a passage (U+FFFD, UTF-8 read as Latin-1)"
    )
    foreign: float | None = Field(
        0.5, ge=0, le=1, description="largest share in a script that the passage's language is not written in"
    )
    common_words: int | None = Field(
        2, ge=1, description="fewest different common words (the, of, and ...) of 30 or more English words"
    )
    boilerplate: bool = Field(
        True, description="whether literature passages of notices alone (copyright, no abstract) are left out"
    )
    duplicates: bool = Field(
        True, description="whether passages equal but for case, width, spaces and punctuation are left out"
    )
    near_duplicates: float | None = Field(
        0.8, gt=0, le=1, description="Jaccard similarity from which a literature passage is a near duplicate of another"
    )
    near_shortest: int = Field(
        30, ge=1, description="fewest words of a passage compared so: in short titles one other word is another meaning"
    )
    shingle: int = Field(5, ge=1, le=64, description="words in a shingle: similarity is that of two sets of shingles")
    test_ids: bool = Field(True, description="whether passages of documents that the test files name are left out")
    test_ngram: int | None = Field(
        13, ge=1, le=64, description="words in a run that a passage and a test document may not share"
    )
    test_ngram_han: int = Field(
        20, ge=1, le=64, description="the same where half of them or more are Chinese characters"
    )
    test_runs: int = Field(1, ge=1, description="so many shared runs condemn a passage")

    @model_validator(mode="after")
    def _some_length_is_left(self) -> Self:
        if self.shortest is not None and self.longest is not None and self.shortest > self.longest:
            raise ValueError("shortest is more than longest, so that nothing is left")
        return self
