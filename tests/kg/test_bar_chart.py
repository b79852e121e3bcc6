import base64
import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from kg.bar_chart import bar_chart, chart_as_markdown

_SVG = "{http://www.w3.org/2000/svg}"


def test_the_longest_bar_is_the_largest_number() -> None:
    chart = ET.fromstring(bar_chart("Papers", {"1990": 2, "1995": 8, "2000": 0}))
    widths = [float(bar.attrib["width"]) for bar in chart.findall(f"{_SVG}rect")[1:]]
    assert widths[1] == 4 * widths[0] > 0
    assert widths[2] == 0
    assert [text.text for text in chart.findall(f"{_SVG}text")] == ["Papers", "1990", "2", "1995", "8", "2000", "0"]


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))), st.integers(0, 10**9)))
def test_it_is_well_formed_whatever_the_labels(values: dict[str, int]) -> None:
    assert len(ET.fromstring(bar_chart("a < b & c", values)).findall(f"{_SVG}rect")) == len(values) + 1


def test_the_markdown_holds_the_picture() -> None:
    found = re.fullmatch(r"!\[Beliefs\]\(data:image/svg\+xml;base64,(.*)\)", chart_as_markdown("Beliefs", {"0.5": 1}))
    assert found
    assert base64.b64decode(found[1]).decode() == bar_chart("Beliefs", {"0.5": 1})
