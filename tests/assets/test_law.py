"""The law: whatever came, changed and went, built or not, killed or not, a build then gives what a clean build gives.

A longer run: `MATERIA_LAW_SEQUENCES=500 python -m pytest tests/assets/test_law.py --hypothesis-seed=1`.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.assets.law_world import CONFIGS, EDITS, SENTENCES, Builder, Inputs, Paper, outputs, statements

UNTIL = ("graph_index", "corpus", "provenance")
NAMES = ("notes.jsonl", "more.jsonl", "pubmed26n0001.xml", "pubmed26n0002.xml", "pubmed27n0001.xml")

numbers = st.integers(1, 9)
sentences = st.lists(st.integers(0, len(SENTENCES) - 1), min_size=1, max_size=4, unique=True).map(tuple)
papers = st.builds(
    Paper,
    number=numbers,
    version=st.integers(1, 3),
    sentences=sentences,
    status=st.sampled_from(["active", "active", "active", "retracted", "deleted"]),
)
START = Inputs(
    files={
        "notes.jsonl": tuple(Paper(number, 1, (number, number + 3, number + 6)) for number in range(1, 6)),
        "pubmed26n0001.xml": (Paper(6, 1, (0, 2, 12)), Paper(7, 1, (9, 13)), Paper(2, 1, (8, 12))),
    }
)


class Law(RuleBasedStateMachine):
    """Changes to the inputs of one home, builds among them, some of them killed."""

    builder: Builder
    clean: dict[str, dict[str, str]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="materia-law."))
        self.inputs = START
        self.inputs.write(self.folder)

    @rule(name=st.sampled_from(NAMES), some=st.lists(papers, min_size=1, max_size=3).map(tuple))
    def a_file_comes_or_is_replaced(self, name: str, some: tuple[Paper, ...]) -> None:
        self.inputs = self.inputs.change(files=self.inputs.files | {name: some})

    @rule(name=st.sampled_from(NAMES), number=numbers, words=sentences)
    def a_paper_is_revised_in_its_file(self, name: str, number: int, words: tuple[int, ...]) -> None:
        if name in self.inputs.files:
            others = [paper for paper in self.inputs.files[name] if paper.number != number]
            revised = (*others, Paper(number, 1, words))
            self.inputs = self.inputs.change(files=self.inputs.files | {name: revised})

    @precondition(lambda self: len(self.inputs.files) > 1)
    @rule(data=st.data())
    def a_file_goes(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(sorted(self.inputs.files)))
        files = {name: some for name, some in self.inputs.files.items() if name != gone}
        self.inputs = self.inputs.change(files=files)

    @rule(number=numbers)
    def a_paper_is_retracted_or_no_longer(self, number: int) -> None:
        self.inputs = self.inputs.change(retracted=self.inputs.retracted ^ {f"PMID:{number}"})

    @rule(edit=st.sampled_from(EDITS))
    def the_vocabulary_is_edited_or_the_edit_undone(self, edit: str) -> None:
        self.inputs = self.inputs.change(edits=self.inputs.edits ^ {edit})

    @rule(config=st.sampled_from(sorted(CONFIGS)))
    def the_configuration_changes(self, config: str) -> None:
        self.inputs = self.inputs.change(config=config)

    @rule(until=st.sampled_from([UNTIL, UNTIL, ("mentions",), ("triples",), ("literature_corpus",)]))
    def it_is_built(self, until: tuple[str, ...]) -> None:
        self.inputs.write(self.folder)
        self.builder.build(self.folder, self.inputs, until=until)

    @rule(kill_at=st.integers(0, 700))
    def it_is_built_and_killed(self, kill_at: int) -> None:
        self.inputs.write(self.folder)
        self.builder.build(self.folder, self.inputs, until=UNTIL, kill_at=kill_at)

    def teardown(self) -> None:
        """Build, and compare with a clean build of the same inputs: bytes, and what the index of the graph answers with."""
        try:
            self.inputs.write(self.folder)
            ended = self.builder.build(self.folder, self.inputs, until=UNTIL)
            home, clean = self.folder / "home", self.folder / "clean" / "home"
            self.inputs.write(self.folder / "clean")
            assert self.builder.build(self.folder / "clean", self.inputs, until=UNTIL) == ended
            if ended == "done":
                ours, theirs = outputs(home), outputs(clean)
                assert sorted(ours) == sorted(theirs)
                assert [name for name in ours if ours[name] != theirs[name]] == []
                assert statements(home) == statements(clean)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


@pytest.mark.slow
def test_any_sequence_of_changes_and_builds_gives_what_a_clean_build_gives() -> None:
    sequences = int(os.environ.get("MATERIA_LAW_SEQUENCES", "2"))
    chosen = settings(
        max_examples=sequences,
        stateful_step_count=8,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # shrinking would take an hour: the steps are printed as they are
        derandomize=sequences == 2,
        database=None,
    )
    Law.builder = Builder()
    try:
        run_state_machine_as_test(Law, settings=chosen)
    finally:
        Law.builder.close()
