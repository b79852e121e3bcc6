"""Chinese: which of a concept's names are Chinese, and how they stand in a sentence.

A Chinese name is a translation that the vocabulary gives, or the name of a concept that only a Chinese source names. It is cleaned of
markup, codes, the tails of web tables and stray punctuation. Between Han and Latin letters or digits stands no space, and
punctuation between Han is full width. Symbols of genes and proteins and codes of drugs stand as they are, as in
Chinese papers; any other concept without a Chinese name is not told in Chinese. About 8 microseconds a name. Rejected:
translating by rule or model (a wrong name is worse than an untold fact), and turning traditional characters to
simplified ones in what is told (the source's own writing; the two are one name where they are compared).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from html import unescape

from kg.languages.base import Concept, Language, SurfaceName, visible
from pipeline.han import HAN, han_form, has_han

__all__ = ["Chinese", "chinese_name"]

_MOST_SYNONYMS = 3
_LONGEST_NAME = 40
_H = f"[{HAN}]"
# Brackets of letters belong to a name: "苯并[a]芘".
_MARKUP = re.compile(rf"<[^<>]*>|\[{_H}*\]|【[^【】]*】")
_CODE = re.compile(r"[（(]\s*(?:[A-Za-z]+[:：]\s*[\w.]+|HP|NOS|未特指|未指明|)\s*[)）]|\bNOS\b")
_WIDE = str.maketrans(
    {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "，（）：；？！"}
)
_SPACE_BESIDE_HAN = re.compile(rf"(?<={_H}|[，、；：（）“”]) | (?={_H}|[，、；：（）“”])")
_EDGES = " \t·,.;:，。；：、…?？!！-*"
# What comes after these in a name is a finding, and no comma parts the two in running text.
_INVESTIGATION = re.compile(r"^(脑电图|肌电图|心电图|EEG|EMG|ECG)[，：:]\s*")
_GRADE_BEHIND = re.compile(r"(.+)，([0-9IVXⅠ-Ⅻ一二三四五]+(?:级|型|期|度))")
_BRACKETS = re.compile(r"[(（]([^()（）]*)[)）]")
_BETWEEN_HAN = re.compile(rf"(?<={_H})[,.:;?!](?={_H})")
_FULL_WIDTH = {",": "，", ".": "·", ":": "：", ";": "；", "?": "？", "!": "！"}
_SYMBOLS = frozenset(
    {
        "biolink:Gene",
        "biolink:Protein",
        "biolink:GeneOrGeneProduct",
        "biolink:SequenceVariant",
        "biolink:Polypeptide",
        "biolink:GeneFamily",
    }
)
_CHEMICALS = frozenset({"biolink:SmallMolecule", "biolink:ChemicalEntity", "biolink:Drug", "biolink:MolecularMixture"})
# Sources list departments as "肝病" or "心理咨询"; in a sentence they are a "科".
_DEPARTMENT = "biolink:AdministrativeEntity"
_DEPARTMENT_ENDS = ("科", "室", "中心", "门诊", "部", "所", "院")
_SYMBOL = re.compile(r"(?=[\w.*>:/+-]*[A-Z0-9])[A-Za-z\u0391-\u03c9][\w.*>:/+-]{1,19}", re.ASCII)
_DRUG_CODE = re.compile(r"[A-Z]{1,5}[- ]?\d{2,}[A-Z0-9-]*")
_DEFINES = re.compile(r"(?:是|指|是指)?(?=(?:指|一种|一类|一组|一个|由|以|因|发生|机体|体内)\S)")
_LONGEST_DEFINITION = 200
_FILLERS = frozenset("的之性型病症征")


class Chinese(Language):
    """Chinese as medical prose writes it."""

    code = "zh"
    between = ""

    def name_of(self, concept: Concept) -> SurfaceName | None:
        """Its own or preferred Chinese name where that can stand in a sentence, else the next one.

        A symbol or code where Chinese papers write that.
        """
        for name in _names(concept):
            whole = f"{name}科" if concept.category == _DEPARTMENT and not name.endswith(_DEPARTMENT_ENDS) else name
            return SurfaceName(whole, whole)
        name = (concept.name or "").strip()
        written_so = (concept.category in _SYMBOLS and _SYMBOL.fullmatch(name)) or (
            concept.category in _CHEMICALS and _DRUG_CODE.fullmatch(name)
        )
        return SurfaceName(name, name) if written_so else None

    def other_names_of(self, concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
        """Its other names in the same characters, but for those that say no more than "disease" or "kind".

        Tables of aliases are loose: 软骨肿瘤 stands there for 骨软骨瘤. What they say is told of the entity itself (`also_called`).
        """
        core = _core(name.text)
        return tuple(other for other in self.also_called(concept, name) if _core(other.text) == core)

    def also_called(self, concept: Concept, name: SurfaceName) -> tuple[SurfaceName, ...]:
        """Up to three more of its Chinese names, in the order of the source."""
        found: dict[str, str] = {}
        for other in _names(concept):
            found.setdefault(_letters(other), other)
        found.pop(_letters(name.text), None)
        return tuple(SurfaceName(other, other) for other in list(found.values())[:_MOST_SYNONYMS])

    def synonyms_that_count(self, concept: Concept) -> Collection[str]:
        """Those in Chinese."""
        return {synonym["name"] for synonym in concept.synonyms or () if has_han(synonym["name"])}

    def definition_of(self, concept: Concept, name: SurfaceName) -> str:
        """The first sentence of a definition in Chinese that follows 是; "" where there is none."""
        text = concept.definition or ""
        if not has_han(text):
            return ""
        sentence = _plain(text).split("。")[0].strip(_EDGES)
        sentence = sentence.removeprefix(name.text).lstrip("，：")
        match = _DEFINES.match(sentence)
        fits = match is not None and len(sentence) <= _LONGEST_DEFINITION and not set(sentence) & set("{}？！")
        return sentence[match.end() :] if match and fits else ""


def _names(concept: Concept) -> list[str]:
    """Its Chinese names that can stand in a sentence: its own, the preferred and the exact translations, its exact synonyms."""
    chinese = [t for t in concept.translations or () if t["language"] == "zh"]
    found = [concept.name or ""]
    found += [t["name"] for scope in ("label", "exact") for t in chinese if t["scope"] == scope]
    found += [s["name"] for s in concept.synonyms or () if s["scope"] == "exact"]
    return [clean for name in found if has_han(name) and (clean := chinese_name(name))]


@lru_cache(maxsize=1 << 16)
def chinese_name(name: str) -> str:
    """A name as it stands in a Chinese sentence; "" where it cannot: no Han, a phrase with a comma, an attribute in 的.

    >>> chinese_name("转氨酶 增高(ALT)[详细]"), chinese_name("脑电图，光阵发性反应"), chinese_name("小耳畸形，2级")
    ('转氨酶增高（ALT）', '脑电图光阵发性反应', '2级小耳畸形')
    """
    text = _plain(name)
    text = _INVESTIGATION.sub(r"\1", re.split("[。；;]", text.strip(_EDGES))[0])
    if match := _GRADE_BEHIND.fullmatch(text):
        text = f"{match[2]}{match[1]}"
    text = text.strip(_EDGES)
    unpaired = text.count("（") != text.count("）")
    if (
        unpaired
        or not has_han(text)
        or len(text) > _LONGEST_NAME
        or text.endswith("的")
        or set(text) & set("，？！{}|…")
    ):
        return ""
    return text


def _plain(text: str) -> str:
    """One line without markup and codes: letters and digits half width, punctuation beside Han full width, no space beside Han."""
    text = _MARKUP.sub("", visible(unescape(text))).translate(_WIDE)
    text = " ".join(_CODE.sub("", text).split())
    if not has_han(text):
        return text
    text = _BETWEEN_HAN.sub(_widened, _BRACKETS.sub(_widened_brackets, _SPACE_BESIDE_HAN.sub("", text)))
    return _SPACE_BESIDE_HAN.sub("", text)


def _widened(match: re.Match[str]) -> str:
    return _FULL_WIDTH[match.group()]


def _widened_brackets(match: re.Match[str]) -> str:
    """Brackets in full width where Han stand in or beside them; those inside a formula, "抗GABA(B)R抗体", as they are."""
    text, start, end = match.string, match.start(), match.end()
    formula = not has_han(match.group() + text[max(start - 1, 0) : start] + text[end : end + 1])
    return match.group() if formula and match.group().isascii() else f"（{match[1]}）"


def _core(name: str) -> list[str]:
    """The characters of a name, sorted, less those that add nothing to it."""
    return sorted(set(_letters(name)) - _FILLERS)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", han_form(name))
