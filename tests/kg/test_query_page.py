"""The query page in a real browser: it works with nothing from elsewhere."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kg.sparql_endpoint
from kg.sparql_endpoint.examples import Example, examples
from kg.sparql_endpoint.question import Limits
from tests.kg.served_store import Server, serving

PAGE = Path(kg.sparql_endpoint.__file__).parent / "page"
QUESTION = "SELECT ?node ?label { ?node skos:prefLabel ?label } ORDER BY ?node LIMIT 3"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = Limits(timeout_s=5, workers=1)
    with serving(tmp_path_factory.mktemp("page"), limits, examples=[Example("Which nodes?", QUESTION)]) as server:
        yield server


@pytest.fixture
def page(server: Server) -> Iterator[Any]:
    """The page as it stands in Chromium; what the browser asks of other hosts, and its errors, are collected in it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_api.sync_playwright() as playwright:
        executable = found or playwright.chromium.executable_path
        if not Path(executable).exists():
            pytest.skip("no Chromium: install it, or run: playwright install chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.elsewhere, page.errors = [], []
        page.on(
            "request", lambda r: None if r.url.startswith((server.address, "data:")) else page.elsewhere.append(r.url)
        )
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda said: page.errors.append(said.text) if "Content Security" in said.text else None)
        page.goto(server.address)
        page.wait_for_selector("#examples button")
        yield page
        assert page.elsewhere == []
        assert page.errors == []
        browser.close()


def ask(page: Any, sparql: str) -> None:
    page.click(".tabPanel.active .CodeMirror")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(sparql)
    page.click(".tabPanel.active .yasqe_queryButton")


def cells(page: Any) -> list[list[str]]:
    page.wait_for_selector(".tabPanel.active table.dataTable tbody tr")
    rows = page.query_selector_all(".tabPanel.active table.dataTable tbody tr")
    return [[cell.inner_text() for cell in row.query_selector_all("td")] for row in rows]


@pytest.mark.browser
def test_a_typed_question_gives_a_table_with_short_names_and_links(page: Any) -> None:
    ask(page, QUESTION)
    assert cells(page) == [[str(i + 1), f"MESH:{node}", f'"node {node}"@en'] for i, node in enumerate((0, 1, 10))]
    assert page.query_selector(".parseErrorIcon") is None  # the editor knows the prefixes
    link = page.query_selector(".tabPanel.active a.iri")
    assert link.get_attribute("href") == "http://id.nlm.nih.gov/mesh/0"


@pytest.mark.browser
def test_an_example_opens_answered_and_a_click_on_a_name_shows_what_is_said_about_it(page: Any) -> None:
    page.click("text=Which nodes?")
    assert len(cells(page)) == 3
    page.click(".tabPanel.active a.iri >> nth=1")
    page.wait_for_selector(".tabPanel.active table.dataTable >> text=materia:belief")
    assert cells(page) == [["MESH:1", "skos:prefLabel", "node 1"], ["MESH:1", "materia:belief", "1"]]


@pytest.mark.browser
def test_what_the_graph_holds_is_text_and_never_runs(page: Any) -> None:
    page.evaluate("document.title = 'as it was'")
    hostile = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"
    text = hostile.replace('"', '\\"')
    ask(page, f'SELECT ?text ?link {{ BIND("{text}" AS ?text) BIND(<javascript:document.title=1> AS ?link) }}')
    assert hostile in cells(page)[0][1]
    page.click(".tabPanel.active table.dataTable td >> nth=2")
    page.wait_for_timeout(200)
    assert page.title() == "as it was"
    assert page.query_selector("[onerror], a[href^=javascript]") is None
    # The sanitizer takes the text apart in a document that runs nothing, and Chromium 156 tells of the handler there.
    page.errors = [error for error in page.errors if "inline event handler" not in error]


@pytest.mark.browser
def test_a_mistake_shows_the_servers_sentence(page: Any) -> None:
    ask(page, "SELECT * {\n  ?s ?p }")
    page.wait_for_selector(".tabPanel.active .errorResult")
    assert "the query is malformed at line 2" in page.inner_text(".tabPanel.active .errorResult")


def test_the_page_may_load_nothing_from_elsewhere(server: Server) -> None:
    reply = server.request("GET", "/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    for name in re.findall(r'(?:src|href)="([^"]+)"', reply.text):
        if not name.startswith("data:"):
            part = server.request("GET", f"/{name}")
            assert part.status == 200
            assert part.headers["content-security-policy"] == policy


def test_the_library_is_what_its_notice_says() -> None:
    notice = (PAGE / "yasgui" / "LICENSE.txt").read_text()
    assert "@zazuko/yasgui 4.6.2" in notice
    assert "MIT License" in notice
    assert sum(path.stat().st_size for path in PAGE.rglob("*")) < 2 << 20


def test_the_examples_are_the_questions_of_the_documentation(tmp_path: Path) -> None:
    asked = "### 1. Who? And why?\n\nSome words, `code`.\n\n```sparql\nSELECT ?s\n{ ?s ?p 1 }\n```\n\n| s |\n"
    no_question = "### Notes\n\n```\nmateria query 'ASK {}'\n```\n\n## More\n\n```sparql\nASK {}\n```\n"
    (tmp_path / "graph.md").write_text(asked + no_question)
    found = examples((tmp_path / "missing.md", tmp_path / "graph.md"))
    assert found == [Example("Who? And why?", "SELECT ?s\n{ ?s ?p 1 }")]
    assert len(examples()) == 10
