"""Lines under headings, as sections: what Markdown and web pages share.

A section is named by the path of its headings, as in `pipeline.readers.jats` (`Treatment > Dose`), and `body` before the first.
"""

from __future__ import annotations

from pipeline.readers.base import Section

__all__ = ["Outline"]


class Outline:
    """Sections as they grow, in reading order.

    Attributes:
        sections: label and text of each section that is finished.
    """

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self._path: list[tuple[int, str]] = []
        self._lines: list[str] = []

    def heading(self, level: int, text: str) -> None:
        """Begin a section below the headings of a lower level."""
        self.close()
        self._path = [(other, name) for other, name in self._path if other < level]
        if name := " ".join(text.split()):
            self._path.append((level, name))

    def add(self, text: str) -> None:
        """Add the lines of a paragraph, an item or a row, white space at their ends dropped."""
        self._lines += [" ".join(line.split()) for line in text.splitlines() if line.strip()]

    def close(self) -> list[Section]:
        """End the last section; all of them."""
        if self._lines:
            self.sections.append((" > ".join(name for _, name in self._path) or "body", "\n".join(self._lines)))
            self._lines = []
        return self.sections
