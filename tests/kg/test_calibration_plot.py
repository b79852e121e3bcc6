"""Plots of calibration: the same figures are the same bytes, and tell no version or clock."""

from pathlib import Path

import numpy as np

from kg.calibration import reliability_curve
from kg.calibration_plot import belief_histogram, reliability_diagram
from kg.plots import as_markdown, write_png


def test_the_same_figures_are_the_same_bytes(tmp_path: Path) -> None:
    beliefs = np.linspace(0, 0.85, 200)  # the last bin is empty
    curve = reliability_curve(beliefs, beliefs > 0.4)
    for name in ("a.png", "b.png"):
        write_png(reliability_diagram(curve, "200 claims"), tmp_path / "plots" / name)
    made = (tmp_path / "plots" / "a.png").read_bytes()
    assert made == (tmp_path / "plots" / "b.png").read_bytes()
    assert made.startswith(b"\x89PNG")
    assert b"tEXt" not in made
    assert [path.name for path in sorted((tmp_path / "plots").iterdir())] == ["a.png", "b.png"]


def test_a_graph_without_triples_has_a_histogram_too() -> None:
    text = as_markdown(belief_histogram([0] * 20, "0 triples"), "triples by belief")
    assert text.startswith("![triples by belief](data:image/png;base64,iVBOR")
