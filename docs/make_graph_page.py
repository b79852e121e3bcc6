"""Writes the answers of docs/graph.md, so that no answer is typed in by hand, and draws its picture.

Run: .venv/bin/python docs/make_graph_page.py HOME
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from assets.graph import store_of
from assets.home import open_home
from kg.graph_store import query
from kg.sparql_server import SparqlServer

PAGE = Path(__file__).with_name("graph.md")
#: A question of the page: its number, its text, and the answer below it, if there is one.
QUESTION = re.compile(
    r"^(?P<asked>### \d+\. [^\n]+\n.*?^```sparql\n(?P<sparql>.*?)^```\n)(?P<answer>(?:\n\|.*?\n\n[^\n]+\n|\nNo rows\.\n)?)",
    re.MULTILINE | re.DOTALL,
)
ROWS = 3


def answer(place: Path | SparqlServer, sparql: str) -> str:
    """The first rows as a Markdown table, and how many there are."""
    columns, rows = query(place, sparql, limit=100_000)
    if not rows:
        return "\nNo rows.\n"
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows[:ROWS]]
    lines = ["| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *cells]]
    return "\n" + "\n".join(lines) + f"\n\n{len(rows)} {'row' if len(rows) == 1 else 'rows'}.\n"


def draw(path: Path) -> None:
    """The model as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyBboxPatch

    figure, axes = plt.subplots(figsize=(10, 5.4))
    axes.set(xlim=(0, 100), ylim=(0, 54))
    axes.axis("off")

    def box(x: float, y: float, width: float, height: float, text: str, color: str, style: str = "solid") -> None:  # noqa: PLR0917
        shape = FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.4", fc=color, ec="#444", ls=style)
        axes.add_patch(shape)
        axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=8.5)

    def arrow(start: tuple[float, float], end: tuple[float, float], text: str, at: tuple[float, float]) -> None:
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#444", "shrinkA": 0, "shrinkB": 0})
        axes.text(
            *at,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="#224",
            bbox={"fc": "white", "ec": "none", "pad": 0.6},
        )

    subject = "MESH:D008687\na biolink:ChemicalEntity\nskos:prefLabel “Metformin”"
    thing = "MESH:D003924\na biolink:Disease\nskos:prefLabel “Diabetes Mellitus, Type 2”"
    claim = "materia:triple/…\na biolink:Association\nbelief, support, contradiction, contested,\ncounts, publications"
    sentence = "materia:evidence/…\na biolink:TextMiningStudyResult\nsupporting text, trigger,\nprobability, certainty"
    box(2, 40, 25, 11, subject, "#dbe9f6")
    box(66, 40, 33, 11, thing, "#dbe9f6")
    box(33, 21, 32, 12, claim, "#fde7c8")
    box(3, 1, 64, 15, "", "#f4f4f4", "dashed")
    axes.text(
        4, 14.6, "named graph PMID:…  (one a document; all else is in the default graph)", fontsize=8, color="#555"
    )
    box(33, 2.5, 32, 10, sentence, "#dff0d8")
    box(5, 4.5, 13, 6, "PMID:…\nthe document", "#eee")
    box(75, 4.5, 24, 6, "materia:extractor/trigger.v2", "#eee")
    arrow((27.6, 45.5), (65.4, 45.5), "biolink:treats  (where support > contradiction)", (46.5, 47.3))
    arrow((40, 33.6), (24, 39.4), "rdf:subject", (31, 36.4))
    arrow((58, 33.6), (76, 39.4), "rdf:object", (68, 36.4))
    arrow((49, 33.6), (49, 44.8), "rdf:predicate", (49, 39.5))
    arrow((49, 13.1), (49, 20.4), "materia:supports / materia:contradicts", (49, 18.4))
    arrow((32.4, 7.5), (18.6, 7.5), "prov:wasDerivedFrom", (25.5, 11.6))
    arrow((65.6, 7.5), (74.4, 7.5), "prov:wasAttributedTo", (76, 13))
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})


def main(home: str) -> None:
    """Ask the graph of a home each question of the page, and write the answers below them."""
    place = store_of(open_home(home))
    text = PAGE.read_text(encoding="utf-8")
    page = QUESTION.sub(lambda m: m["asked"] + answer(place, m["sparql"]), text)
    PAGE.write_text(page, encoding="utf-8")
    draw(PAGE.with_suffix(".png"))


if __name__ == "__main__":
    main(sys.argv[1])
