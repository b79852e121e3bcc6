"""MeSH as the National Library of Medicine publishes it: descriptors (desc2025.xml), supplementary records (supp2025.xml).

Elements: https://www.nlm.nih.gov/mesh/xml_data_elements.html. A record stands for a preferred concept and some that are
narrower, broader or related; each concept has terms. The record is our concept, and all terms are its names.

- The record's name is the preferred name. Terms of the preferred concept are exact synonyms, those of another have the
  scope of its ConceptRelation. Inverted forms that the maintenance system makes (IsPermutedTermYN, "A23187, Antibiotic")
  are dropped where they hold the comma that no text has; "A 23187" for "A-23187" is kept.
- A scope note is the definition. Notes of supplementary records are not ("structure given in first source").
- Tree numbers are marks, and give the parents as in `mesh_tree`. A parent may come after its children, so parents follow
  as parts when the file is through; the tree numbers are all that memory holds till then, 10 MB for 60,000.
- A supplementary record has no place in the tree. Its class is a mark (`mesh_scr:1`), and the headings that it is mapped
  to are its parents, as indexers use them: a search for the heading finds the record. Where headings are starred, which
  is the preferred mapping, only those count. A heading with a qualifier (Ubiquinone/analogs) is no parent, nor are the
  headings of a protocol (class 2), which are its drugs.
- Registry numbers of the preferred concept are cross-references: CAS, UNII, EC, and NCBI Taxonomy (`txid9606`). A related
  number counts where it is said to be of the preferred concept's own name ("52665-69-7 (Calcimycin)").
- Semantic types and the UMLS concept, which releases before 2019 give, are marks and a cross-reference.
- A file in another language (LanguageCode) gives parts, whose names are translations.

Qualifiers, indexing notes, dates, see-also and pharmacological actions are dropped. Cost: 5,000 descriptors or 11,000
supplementary records a second on one core; memory of one record and the tree numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from pipeline.errors import SetAside
from pipeline.readers.languages import two_letters
from pipeline.readers.xml_stream import root_name, xml_records
from pipeline.vocabularies.base import Concept, OnSetAside, clean_name
from pipeline.vocabularies.mesh_tree import TREE_NUMBER, tree_parents

__all__ = ["MeshXml"]

_KINDS = {"DescriptorRecord": "Descriptor", "SupplementalRecord": "SupplementalRecord"}
_ROOTS = {f"{record}Set" for record in _KINDS}
_UI = re.compile(r"[CD][0-9]{6,9}")
_CUI = re.compile(r"C[0-9]{7}")
_TUI = re.compile(r"T[0-9]{3}")
_SCOPES = {"NRW": "narrow", "BRD": "broad", "REL": "related"}
_PROTOCOL = "2"
_REGISTRIES = tuple(
    (prefix, re.compile(pattern))
    for prefix, pattern in (
        ("CAS", r"([0-9]{2,7}-[0-9]{2}-[0-9])"),
        ("UNII", r"([0-9A-Z]{10})"),
        ("EC", r"EC ([1-7](?:\.(?:[0-9]+|-)){1,3})"),
        ("NCBITaxon", r"txid([0-9]+)"),
    )
)

Names = dict[str, str]


class MeshXml:
    """MeSH descriptors and supplementary concept records."""

    name = "mesh_xml.v1"

    def recognises(self, head: bytes, name: str) -> bool:
        """By its root element."""
        del name
        return root_name(head) in _ROOTS

    def load(self, stream: BinaryIO, file: str, set_aside: OnSetAside) -> Iterator[Concept]:
        """Yield a concept for each record, then a part with the parents of each descriptor."""
        places: dict[str, tuple[str, ...]] = {}
        holder: dict[str, str] = {}
        for record in xml_records(stream, file, roots=_ROOTS, records=_KINDS):
            found = record if isinstance(record, SetAside) else _concept(record, file)
            if isinstance(found, SetAside):
                set_aside(found)
                continue
            numbers = tuple(mark.removeprefix("mesh:") for mark in found.marks if mark.startswith("mesh:"))
            if numbers:
                places[found.curie] = numbers
                holder.update(dict.fromkeys(numbers, found.curie))
            yield found
        for curie, numbers in places.items():
            if parents := tree_parents(curie, numbers, holder):
                yield Concept(curie, "", parents=parents)


def _concept(record: etree._Element, file: str) -> Concept | SetAside:
    kind = _KINDS[record.tag]
    ui, name = _text(record, f"{kind}UI"), _text(record, f"{kind}Name/String")
    if not _UI.fullmatch(ui):
        detail = "The record has no MeSH unique identifier. Get the file again from its source."
        return SetAside(file, name[:80] or record.tag, "no-identifier", detail)
    if not name:
        return SetAside(file, ui, "no-name", "The record has no name. Get the file again from its source.")
    curie = f"MESH:{ui}"
    concepts = record.findall("ConceptList/Concept")
    preferred = next((one for one in concepts if one.get("PreferredConceptYN") == "Y"), None)
    names = _names(concepts, preferred)
    names.pop(name, None)
    language = two_letters(record.getroottree().getroot().get("LanguageCode"))
    marks, parents = tuple(_marks(record, preferred)), _mapped_to(record)
    xrefs = _xrefs(preferred, {name, *names}) if preferred is not None else ()
    if language == "en":
        definition = _text(preferred, "ScopeNote") or None if preferred is not None else None
        return Concept(curie, name, tuple(names.items()), None, definition, parents, xrefs, marks)
    named = ((name, "exact"), *names.items()) if len(language) == 2 else ()
    translations = tuple((language, *one) for one in named)
    return Concept(curie, "", parents=parents, xrefs=xrefs, marks=marks, translations=translations)


def _text(element: etree._Element, path: str) -> str:
    return clean_name(element.findtext(path) or "")


def _texts(element: etree._Element, tag: str) -> Iterator[str]:
    return (clean_name(one.text or "") for one in element.iter(tag))


def _names(concepts: list[etree._Element], preferred: etree._Element | None) -> Names:
    """Every name with its scope, in the order of the file; of two scopes the exact one."""
    scopes: dict[str, str] = {}
    for concept in concepts:
        for relation in concept.iterfind("ConceptRelationList/ConceptRelation"):
            scope = _SCOPES.get(relation.get("RelationName", ""), "related")
            scopes.setdefault(_text(relation, "Concept2UI"), scope)
    names: Names = {}
    for concept in concepts:
        scope = "exact" if concept is preferred else scopes.get(_text(concept, "ConceptUI"), "related")
        for term in concept.iterfind("TermList/Term"):
            name = _text(term, "String")
            if name and not (term.get("IsPermutedTermYN") == "Y" and "," in name):
                names[name] = scope if scope == "exact" else names.get(name, scope)
    return names


def _mapped_to(record: etree._Element) -> tuple[str, ...]:
    """The headings that a supplementary record stands below."""
    if record.get("SCRClass") == _PROTOCOL:
        return ()
    headings = [
        _text(heading, "DescriptorReferredTo/DescriptorUI")
        for heading in record.iterfind("HeadingMappedToList/HeadingMappedTo")
        if heading.find("QualifierReferredTo") is None
    ]
    starred = [ui for ui in headings if ui.startswith("*")]
    bare = (ui.removeprefix("*") for ui in starred or headings)
    return tuple(dict.fromkeys(f"MESH:{ui}" for ui in bare if _UI.fullmatch(ui)))


def _xrefs(preferred: etree._Element, own_names: set[str]) -> tuple[str, ...]:
    numbers = list(_texts(preferred, "RegistryNumber"))
    own = {name.casefold() for name in own_names}
    for related in _texts(preferred, "RelatedRegistryNumber"):
        number, _, name = related.partition(" (")
        if name.removesuffix(")").casefold() in own:
            numbers.append(number)
    found = [f"{prefix}:{one[1]}" for n in numbers for prefix, form in _REGISTRIES if (one := form.fullmatch(n))]
    found += [f"UMLS:{cui}" for cui in _texts(preferred, "ConceptUMLSUI") if _CUI.fullmatch(cui)]
    return tuple(dict.fromkeys(found))


def _marks(record: etree._Element, preferred: etree._Element | None) -> Iterator[str]:
    for number in _texts(record, "TreeNumber"):
        if TREE_NUMBER.fullmatch(number):
            yield f"mesh:{number}"
    if re.fullmatch("[1-9]", record.get("SCRClass", "")):
        yield f"mesh_scr:{record.get('SCRClass')}"
    if preferred is not None:
        yield from (f"sty:{tui}" for tui in _texts(preferred, "SemanticTypeUI") if _TUI.fullmatch(tui))
