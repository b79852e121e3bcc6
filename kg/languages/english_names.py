"""Names of concepts as they stand in running text: word order, capital letters, and whether a verb after them is plural.

Vocabularies write "Diabetes Mellitus, Type 2", "ALZHEIMER DISEASE 2" and "Adrenergic beta-Antagonists"; a sentence needs "type 2
diabetes mellitus", "Alzheimer disease 2" and a plural verb. Rules and one list of proper names do it, at about 5
microseconds a name, and a name comes out the same whatever else is in the graph. Rejected: case by majority in the
literature (a new paper would reword old sentences), and a part-of-speech tagger (a model, and wrong on bare names).
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from importlib.resources import files

from kg.languages.base import SurfaceName, visible

__all__ = ["running_order", "surface_name"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MARKUP = re.compile(
    r"<[^<>]*>|\[[^\[\]]*\]$|\((?:disorder|finding|disease|substance|drug|NOS)\)$|,? NOS$", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"\s+")
# After a comma, these begin a phrase that follows its noun as it stands: "deafness, with ...".
_FOLLOWS = re.compile(
    r"(?:and|or|with|without|due|not|in|of|by|from|to|for|as|other|except|including|nos)\b", re.IGNORECASE
)
_NUMBER_PART = re.compile(r"(?:\d+[A-Za-z]?|[IVX]+[A-Z]?|[A-Z]\d*)")
_TRAILING_NUMBER = re.compile(r"(?P<words>.*?[A-Za-z)])\s+(?P<number>\d+[A-Za-z]?)")
_TYPE = re.compile(r"(?:types?|group|stage|grade|variant|class)\b", re.IGNORECASE)

# Things that are counted: "treats ulcer" needs a plural where there is no article.
_COUNTED = _words(
    "abnormality abscess aneurysm attack burn calculus cell cramp cyst defect diverticulum fracture hiccup lesion neoplasm papule polyp "
    "pseudocyst pustule reaction receptor reflex seizure shunt statin symptom tumor tumour ulcer vaccine wound"
)
# Parts of a compound that stay small beside a proper name: "non-Hodgkin lymphoma", "Epstein-Barr-positive".
_COMPOUNDS = _words(
    "anti associated dependent induced like negative non nephrotic positive post pre pseudo related resistant type variant"
)

# Vocabularies that write names in lower case: a capital in them means something.
_LOWER_CASE_VOCABULARIES = ("DOID", "MONDO", "UBERON", "CL", "GO", "CHEBI")
_ORGANISM = "biolink:OrganismTaxon"
_SYMBOLS = ("biolink:Gene", "biolink:Protein", "biolink:SequenceVariant", "biolink:GeneFamily")
_IMMUNOGLOBULIN = re.compile(r"IG[ADEGM]")
_CAPITALISED = re.compile(r"[A-Z][a-zà-ÿ]+(?:['’]s?)?")
_PIECES = re.compile(r"([-/() ,;])")
_SMALL_WORDS = _words(
    "a an and as at by de del der di du due for from in la le of on or the to van via von with without"
)
# Words that have no capital in a title either: "alpha 1-Antitrypsin", "mu Opioid Receptors".
_UNCAPITALISED = _SMALL_WORDS | _COMPOUNDS | _words("alpha beta gamma delta epsilon kappa lambda mu omega sigma")
# Names with a possessive that are no names of persons.
_COMMON_POSSESSIVES = _words(
    "farmer fancier infant swimmer traveler traveller lover worker jumper runner housemaid children"
)
# "X Syndrome" and "X Disease" are mostly named after someone; these words and endings are the exceptions.
_NAMED_KINDS = frozenset({"Syndrome", "Disease", "Phenomenon", "Sign", "Anomaly", "Chorea", "Palsy", "Contracture"})
_COMMON_ENDING = re.compile(
    r"(?:ic|al|ous|ive|ary|ory|ar|ed|ing|ent|ant|oid|ia|is|ism|sia|ion|ity|ness|ment|ure|ance|ence|cy|phy|thy|gy|emia|uria|oma|ular|ile|ine|one|"
    r"ol|ate|ide|itis|osis|ysm|ler|ver|men|tal|stem|form|sive|ea|um|us|gen)$"
)
_COMMON_WORDS = _words(
    "adult airway arm back bile bladder blind blood blue body bone bowel brain breast cat cattle cell chest child "
    "chin chill cold colon cord death dog dry duct ear elbow eye fat fatigue fever flat foot gas gay gland graft "
    "gum gut hair hand head heart heat heel hip horse host itch jaw joint kidney knee lactase leaf leg lens light "
    "limb lip liver lobe loin lung mad mast middle milk mouth muscle nail neck nerve night nose ovary pain plague "
    "plaque puppy rash red rib right root salt scalp shaking shock short sick silo skin sleep small spine spleen "
    "stiff stone storage stomach stroke sudden superior sweat tic thyroid tongue tooth toxin tropical tumor twin "
    "antiphospholipid serotonin ulcer urethra urge vein wasting water weak web white yellow"
)

_PHRASE_AFTER_HEAD = re.compile(
    r" (?:of|in|with|due|to|from|by|without|on|at|for|caused|associated|secondary|complicating|affecting|involving|during|"
    r"after|following)\b"
    r"|[,;(]"
)
_CODE_WORDS = _words("alpha beta gamma delta epsilon kappa lambda type subtype variant group congenita acuminata")
_SINGULAR_IN_S = _words(
    "aids asbestos ascites atlas biceps callus cannabis caries chaos christmas cosmos deformans diabetes dissecans dolens "
    "economics erythematodes ethics facies feces fungoides gas genetics glans graves herpes informatics "
    "legionnaires lens lichenoides lues mathematics migrans nates nigricans obliterans obstetrics pancreas "
    "pediatrics physics pointes pons proliferans rabies recurrens sans scabies sclerosans series serpens tabes "
    "tremens triceps"
)
_PLURAL_ELSE = _words(
    "bacteria media species fungi children women men people mice teeth feet data phenomena ganglia criteria mitochondria "
    "calculi emboli thrombi foci nevi cocci stimuli nuclei diverticula vertebrae striae bullae fistulae pterygia "
    "spermatozoa larvae bronchi cysticerci"
)


@lru_cache(maxsize=1 << 16)
def surface_name(name: str, curie: str = "", category: str = "") -> SurfaceName:
    """The name of a concept as it stands inside a sentence.

    Args:
        name: preferred name or synonym, as the vocabulary writes it.
        curie: the concept; its prefix tells how the vocabulary uses capitals.
        category: Biolink class; symbols of genes and proteins, and names of organisms, keep their capitals.

    >>> surface_name("Diabetes Mellitus, Type 2", "MESH:D003924", "biolink:Disease").text
    'type 2 diabetes mellitus'
    >>> surface_name("Adrenergic beta-Antagonists", "MESH:D000319", "biolink:ChemicalEntity").plural
    True
    """
    spaced = _SPACE.sub(" ", visible(unescape(name) if "&" in name else name))
    # What a vocabulary adds in brackets is left out, unless there is nothing else.
    plain = _SPACE.sub(" ", _MARKUP.sub("", spaced)).strip() or _SPACE.sub(" ", _TAG.sub("", spaced)).strip()
    clean = plain.strip(" .,;") or plain
    clean = clean.split("; ")[0]
    text = running_order(clean)
    if text != clean and not _is_title(text):
        # Its first word has a capital only because it stood first: "Carcinoma, squamous cell of head and neck".
        first, _, rest = clean.partition(" ")
        if _CAPITALISED.fullmatch(first.rstrip(",")) and not _is_proper(first.rstrip(","), []):
            text = running_order(f"{first.lower()} {rest}")
    if category != _ORGANISM and (category not in _SYMBOLS or curie.startswith("MESH:")):
        text = _running_case(text, curie)
    head, joint, rest = text.partition(" of ")
    if head.rsplit(" ", 1)[-1].lower() in _COUNTED:
        text = f"{_plural(head)}{joint}{rest}"
    return SurfaceName(text, _initial(text), _is_plural(text))


def _plural(noun: str) -> str:
    """The plural of a counted noun: cysts, abscesses, abnormalities, calculi."""
    if noun.endswith(("us", "um")):
        return f"{noun[:-2]}{'i' if noun.endswith('us') else 'a'}"
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def running_order(name: str) -> str:
    """An inverted name in running order; any other name as it is.

    A running number at the end stays there. Lists ("mouth, lips, and teeth") are no inversions.

    >>> [running_order(n) for n in ["Lymphoma, Large B-Cell, Diffuse", "Cardiomyopathy, Dilated, 1A"]]
    ['Diffuse Large B-Cell Lymphoma', 'Dilated Cardiomyopathy 1A']
    """
    parts = name.split(", ")
    if len(parts) == 1 or len(parts) > 5 or any(not part or _FOLLOWS.match(part) for part in parts[1:]):
        return name
    if any(part.count("(") != part.count(")") for part in parts):
        return name
    number = ""
    if _NUMBER_PART.fullmatch(parts[-1]):
        number = parts.pop()
    elif (
        not _TYPE.match(parts[-1]) and (match := _TRAILING_NUMBER.fullmatch(parts[-1])) and not _TYPE.search(parts[-1])
    ):
        parts[-1], number = match["words"], match["number"]
    # "Carcinoma, squamous cell of head and neck": what belongs before its head, and what after it.
    before, of, after = parts[-1].partition(" of ")
    if of and len(parts) == 2:
        parts = [f"{parts[0]} of {after}", before]
    return " ".join([*reversed(parts), number]).strip()


def _running_case(name: str, curie: str) -> str:
    """Capitals only where running text has them: acronyms, symbols, names of persons, places and organisms."""
    if curie.startswith(_LOWER_CASE_VOCABULARIES) and not _is_title(name):
        first = name.split(" ", 1)[0]
        plain = _CAPITALISED.fullmatch(first) and _COMMON_ENDING.search(first) and not _is_proper(first, [])
        return first.lower() + name[len(first) :] if plain else name
    if _is_shouted(name):
        name = "".join(_unshout(word) for word in _PIECES.split(name))
    pieces = _PIECES.split(name)
    title = _is_title(name)
    for i, piece in enumerate(pieces):
        if i > 0 and not title:
            break
        if not _CAPITALISED.fullmatch(piece) or _is_proper(piece, pieces[1:3] if i == 0 else []):
            continue
        # "Wolff-Parkinson-White" is one name, though white is a word too.
        beside = (
            pieces[i - 2] if i > 1 and pieces[i - 1] == "-" else "",
            pieces[i + 2] if pieces[i + 1 : i + 2] == ["-"] else "",
        )
        if piece.lower() in _COMPOUNDS or not any(_is_proper(other, []) for other in beside if other):
            pieces[i] = piece[0].lower() + piece[1:]
    return "".join(pieces)


def _is_title(name: str) -> bool:
    """Whether every word that can begins with a capital, so that capitals in the name mean nothing."""
    words = [w for w in re.split(r"[-, /]", name) if len(w) > 1 and w.isalpha() and w.lower() not in _UNCAPITALISED]
    return bool(words) and all(w[0].isupper() for w in words)


def _is_shouted(name: str) -> bool:
    """Whether a name is written in capitals throughout, and is no acronym or symbol."""
    if not name.isupper():
        return False
    words = [w for w in re.split(r"[^A-Z]+", name) if len(w) >= 4]
    return len(words) >= 2 or any(len(w) >= 7 for w in words)


def _unshout(word: str) -> str:
    if word.lower() in _SMALL_WORDS and len(word) > 1:
        return word.lower()
    if _IMMUNOGLOBULIN.fullmatch(word):
        return f"Ig{word[2]}"
    return word.capitalize() if word.isalpha() and len(word) > 3 else word


def _is_proper(word: str, following: list[str]) -> bool:
    bare = word.replace("’", "'").removesuffix("'s").removesuffix("'")
    if bare in _proper_names() or word in _proper_names():
        return True
    if bare != word.replace("’", "'"):
        return bare.lower() not in _COMMON_POSSESSIVES
    if len(following) == 2 and following[0] == " " and following[1] in _NAMED_KINDS:
        return bare.lower() not in _COMMON_WORDS and _COMMON_ENDING.search(bare) is None
    return False


@lru_cache(maxsize=1)
def _proper_names() -> frozenset[str]:
    text = (files("kg") / "templates" / "en.proper_names.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def _initial(text: str) -> str:
    """The name at the beginning of a sentence. Symbols such as mRNA, p53 and pH keep their small letter."""
    first = re.split(r"[ \-/,;]", text, maxsplit=1)[0]
    if not first.isalpha() or not first.islower() or (len(first) == 1 and text[1:2] == "-"):
        return text
    capital = text[0].upper()
    # Letters without a capital of one code point (the German sharp s) stay, so that offsets hold.
    return capital + text[1:] if len(capital) == 1 else text


def _is_plural(text: str) -> bool:
    """Whether the head of the name is a plural noun."""
    head = _PHRASE_AFTER_HEAD.split(text, maxsplit=1)[0].strip() or text
    words = head.split(" ")
    if len(words) > 2 and words[-2] == "and":
        return True
    while len(words) > 1 and (
        not words[-1].replace("-", "").isalpha() or words[-1].isupper() or words[-1] in _CODE_WORDS or "-" in words[-1]
    ):
        # A symbol after its noun: "keratin 6", "dopamine D2", "proteins c-jun"; but not "adrenergic beta-antagonists".
        if words[-1].endswith("s") and not words[-1].isupper():
            break
        words.pop()
    last = words[-1].rsplit("-", 1)[-1].rsplit("/", 1)[-1]
    lowered = last.lower()
    if lowered in _PLURAL_ELSE or lowered.endswith(("omata", "omycetes")):
        return True
    if len(last) < 4 or not last.endswith("s") or lowered in _SINGULAR_IN_S:
        return False
    return not lowered.endswith(("ss", "us", "is", "'s"))
