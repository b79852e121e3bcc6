"""Name indexes beside the one in force: those that texts were read with before, and one that links, where it was not made.

    HOME/cache/names/<data version of name_index>/      the matcher's arrays, as hard links: 7 MiB for 125,000 names
    HOME/cache/linking/<versions>/                      matcher and linker, for who asks the linker without a recogniser

A stage that read texts with a version (it stands among the inputs of its manifest) asks `changed_since` and reads again only what may
hold a changed name. The folder is a cache and no output: where a version is gone, everything counts as changed. One that no
partition was made with any more is removed when the names change next. The linker's index (4 s, 34 MiB) is no part of a build
without a recogniser; `materia read` asks it all the same, and finds it made the second time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from assets.home import Home
from pipeline.errors import MateriaError
from pipeline.name_changes import NameChanges, changed_names
from pipeline.preference import Preference
from pipeline.vocabulary_index import LINKER, MATCHER

__all__ = ["INPUT", "changed_since", "keep_version", "linking_folder"]

#: The input by which manifests name the version they were made with.
INPUT = "name_index/all"
#: Stages that read texts with the names.
_READERS = ("mentions", "verbalized_corpus")


def changed_since(home: Home, version: str | None) -> NameChanges | None:
    """The names that mean something else now than in a version of the name index; None where that may be all of them.

    Args:
        version: data version of `name_index` that texts were read with (`manifest.inputs[INPUT]`); None says nothing.
    """
    current = home.dataset("name_index").manifest()
    if version is None or current is None:
        return None
    if version == current.data_version:
        return NameChanges({})
    matcher = _matcher(home)
    return changed_names(_folder(home) / version, matcher) if matcher else None


def keep_version(home: Home) -> None:
    """Keep the name index in force, which is about to be replaced, and remove those that nothing was made with any more."""
    current, matcher = home.dataset("name_index").manifest(), _matcher(home)
    if current is None or matcher is None:
        return
    folder = _folder(home)
    used = {current.data_version, *_versions_in_use(home)}
    for old in folder.iterdir() if folder.is_dir() else ():
        if old.name not in used:
            shutil.rmtree(old, ignore_errors=True)
    kept = folder / current.data_version
    if kept.is_dir():
        return
    staged = kept.with_name(f"{kept.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(matcher, staged, copy_function=_link)
    staged.replace(kept)


def linking_folder(home: Home) -> str:
    """A folder with both indexes of the home's vocabulary, for `VocabularyIndex.open`: the home's, or one made now and kept.

    Raises:
        MateriaError: `name_index` has not been built.
    """
    matcher, current = _matcher(home), home.dataset("name_index").manifest()
    vocabulary = home.dataset("vocabulary")
    made_of = vocabulary.manifest()
    if matcher is None or current is None or made_of is None:
        raise MateriaError("name_index has not been built yet", remedy="Run: materia build --until name_index")
    if (matcher.parent / LINKER).is_dir():
        return str(matcher.parent)
    kept = _folder(home).with_name("linking") / f"{current.data_version[:16]}-{made_of.data_version[:16]}"
    if not kept.is_dir():
        from pipeline.linking.index import LinkingIndex

        shutil.rmtree(kept.parent, ignore_errors=True)
        staged = kept.with_name("staged")
        shutil.copytree(matcher, staged / MATCHER, copy_function=_link)
        LinkingIndex.build(vocabulary.read(), staged / LINKER, Preference(home.config.extraction.prefer))
        staged.replace(kept)
    return str(kept)


def _versions_in_use(home: Home) -> Iterable[str]:
    for stage in _READERS:
        for manifest in home.dataset(stage).manifests().values():
            if INPUT in manifest.inputs:
                yield manifest.inputs[INPUT]


def _matcher(home: Home) -> Path | None:
    """The folder of the matcher in force; None where there is none."""
    folder = next((folder / MATCHER for folder in home.dataset("name_index").folders()), None)
    return folder if folder and folder.is_dir() else None


def _folder(home: Home) -> Path:
    return Path(home.path) / "cache" / "names"


def _link(source: str, target: str) -> str:
    """The same file under another name; a copy where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
    return target
