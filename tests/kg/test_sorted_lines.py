"""The difference of two files of sorted lines is the difference of two sets, and is found without looking at each line."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kg.sorted_lines import line_difference

# Few letters, so that lines share beginnings; some lines longer than the smallest block that is compared.
LINES = st.sets(st.text("ab", max_size=4) | st.integers(0, 40).map(lambda n: "a" * 60 * n + str(n)), max_size=60)


def write(folder: Path, name: str, lines: set[str]) -> Path:
    path = folder / name
    path.write_bytes(b"".join(sorted(line.encode() + b"\n" for line in lines)))
    return path


@given(LINES, LINES, LINES)
def test_it_is_the_difference_of_two_sets(both: set[str], left: set[str], right: set[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        old, new = write(Path(name), "old", both | left), write(Path(name), "new", both | right)
        pieces = list(line_difference(old, new))
        removed = [line.decode() for before, _ in pieces for line in before.splitlines()]
        added = [line.decode() for _, after in pieces for line in after.splitlines()]
    assert sorted(removed) == sorted((both | left) - (both | right))
    assert sorted(added) == sorted((both | right) - (both | left))


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    path = write(tmp_path, "lines", {"a", "b"})
    assert list(line_difference(None, path)) == [(b"", b"a\nb\n")]
    assert list(line_difference(path, None)) == [(b"a\nb\n", b"")]
    assert list(line_difference(None, None)) == [(b"", b"")]


def test_a_changed_line_among_many_is_found(tmp_path: Path) -> None:
    lines = {f"{n:09}" for n in range(50_000)}
    old, new = write(tmp_path, "old", lines), write(tmp_path, "new", lines - {"000031000"} | {"000031000x"})
    assert [piece for piece in line_difference(old, new) if any(piece)] == [(b"000031000\n", b"000031000x\n")]
