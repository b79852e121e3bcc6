"""What names a person in a clinical record: patterns of the identifiers of HIPAA's Safe Harbor (45 CFR 164.514(b)(2)(i)).

Each rule is a kind and a pattern whose group `value` is what is taken out. A rule asks for a cue (a title, a label, a form that
nothing else has) rather than for a word that looks like a name, because medicine is full of names: Parkinson disease, a
Foley catheter, Crohn's. Every repetition is bounded, so time grows with the length of the text alone.

| Safe Harbor | kinds here |
|---|---|
| (A) names | NAME |
| (B) places smaller than a state | ADDRESS, PLACE, ZIP |
| (C) dates but for the year, ages over 89 | DATE, AGE |
| (D) (E) telephone, fax | PHONE |
| (F) (N) (O) e-mail, URL, IP address | EMAIL, URL, IP |
| (G) to (M), (R) numbers of any kind: social security, record, plan, account, licence, vehicle, device | ID |
| (P) (Q) biometrics, photographs | no text |
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["COMMON_WORDS", "EPONYM_HEADS", "NAME_RULES", "NO_NAMES", "RULES"]

_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
)
_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?:1[89]|20)\d\d"
_STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|"
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|"
    "Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|"
    "New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|"
    "South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming"
)
_CAP = r"(?:Mc|Mac|O['’]|St\.?\s)?[A-ZÀ-Þ][a-zß-ÿ'’]{1,20}(?:-[A-ZÀ-Þ][a-zß-ÿ]{1,20})?"
_PLACE = rf"{_CAP}(?:[ ]{_CAP}){{0,2}}"
_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Way|Place|Pl|Terrace|Ter|Circle|Cir|Highway|Hwy|"
    "Parkway|Pkwy|Square|Sq|Trail"
)
_FACILITY = (
    "Hospital|Medical Center|Medical Centre|Clinic|Infirmary|Nursing Home|Rehabilitation Center|Health Center|Health System|"
    "Hospice|Care Center|Surgery Center|Manor"
)
_NUMBERED = (
    r"MRN|MR\s?#|M\.R\.N\.|medical\s+record|patient\s+id(?:entifier)?|chart|hospital|unit|account|acct|encounter|visit|case|"
    r"accession|specimen|policy|member(?:ship)?(?:\s+id)?|subscriber(?:\s+id)?|group|health\s+plan|insurance(?:\s+id)?|medicare|"
    r"medicaid|beneficiary|certificate|passport|licen[cs]e(?:\s+plate)?|driver['’]?s\s+licen[cs]e|DEA|NPI|SSN|social\s+security|"
    r"serial|lot|device(?:\s+id)?|UDI|VIN|vehicle|(?:number\s+)?plate|employee(?:\s+id)?|badge"
)
_MARK = r"(?:\s+(?:number|no|num|nr|id)\b\.?|\s*\#)?"
_CODE = r"(?=[A-Za-z\-/]{0,12}\d)[A-Za-z0-9](?:[A-Za-z0-9]|[-/](?=[A-Za-z0-9])){2,24}"
#: Labels that say by themselves that a number follows.
_ALONE = r"MRN|M\.R\.N\.|MR\s?#|SSN|DEA|NPI|UDI|VIN|acct|(?<!a )lot|patient\s+id"


_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_PATH = r"[^\s<>\"')\]]"
_DEPARTMENT = "Pediatric|Oncology|H(?:a)?ematology|Orthop|Cardio|Neuro|Dermat|Urolog|Surg|Pain|Eye|Outpatient|Medical|Emergency|Memory"
_LIVING = r"[Ll]iv(?:es|ed|ing)|[Rr]esid(?:es|ed|ing|ent|ence)|[Bb]orn|[Rr]aised|[Hh]ometown"
_FACILITY_WORD = rf"(?:{_CAP}|[A-Z]{{2,6}})"
_UNITS = r"[ ]?(?:mg|mcg|g|ml|mL|%|cm|mm|/|\.\d)"
_TOGETHER = r"(?![\d/%-]|[ ]?(?:mg|mm|hours|days|weeks|strength|patients|cases|of|eyes|samples|subjects))"
_MONTH_DAY = r"(?:1[0-2]|0?[1-9])[/-](?:3[01]|[12]\d|0?[1-9])"
_AREA = r"(?:\+?1[ .-])?(?:\(\d{3}\)[ ]?|\d{3}[ .-])"
_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?|extension)[ ]?\d{1,6})?"
_TELEPHONE = "phone|tel(?:ephone)?|fax|pager|beeper|cell|mobile|call"


def _rule(kind: str, pattern: str, flags: int = 0) -> tuple[str, re.Pattern[str]]:
    return kind, re.compile(pattern, flags)


#: Kind and pattern of everything but names.
RULES: Final = (
    _rule("EMAIL", r"(?<![\w.+-])(?P<value>[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})"),
    _rule("URL", rf"(?P<value>\b(?:https?://|ftp://|www\.){_PATH}{{3,300}}(?<![.,;:]))", re.I),
    _rule("URL", rf"\b(?P<value>(?:[a-z0-9-]{{2,40}}\.){{1,3}}(?:com|org|net|edu|gov)(?:/{_PATH}{{0,300}}(?<![.,;:]))?)\b(?!\.\w)"),
    _rule(
        "ADDRESS",
        rf"(?P<value>\b\d{{1,5}}[A-Z]?[ ](?:[NSEW]\.?[ ]|North[ ]|South[ ]|East[ ]|West[ ])?(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))"
        rf"(?:[ ]{_CAP}){{0,2}}[ ](?:{_STREET})\b\.?(?:,?[ ](?:Apt|Apartment|Suite|Ste|Unit|Room|\#)\.?[ ]?\#?\w{{1,6}})?)",
    ),
    _rule("ADDRESS", r"(?P<value>\bP\.?\s?O\.?\s?Box\s+\d{1,7})", re.I),
    # MD and PA are degrees too: there only a ZIP code tells
    _rule("PLACE", rf"\b(?P<value>{_PLACE})(?=,[ ](?:(?!MD|PA)(?:{_STATES})\b|(?:MD|PA)[ ]\d{{5}}))"),
    _rule("ZIP", rf"\b(?:{_STATES})\.?,?[ ](?P<value>\d{{5}}(?:-\d{{4}})?)\b"),
    _rule("ZIP", r"\b(?i:zip(?:\s?code)?|postal\s+code)\s*:?\s*(?P<value>\d{5}(?:-\d{4})?|[A-Z]\d[A-Z]\s?\d[A-Z]\d)\b"),
    _rule("PLACE", rf"\b(?:{_LIVING})[ ](?:in|of|at)[ ](?P<value>{_PLACE})"),
    _rule("PLACE", rf"\b(?:moved|transferred|came|flew|travel(?:l?ed)?)[ ](?:here[ ])?from[ ](?P<value>{_PLACE})"),
    _rule(
        "PLACE",
        rf"\b(?:at|to|from|in|of|the)[ ](?:the[ ])?(?!{_DEPARTMENT})"
        rf"(?P<value>{_FACILITY_WORD}(?:[ ](?:{_FACILITY_WORD}|of)){{0,4}}[ ](?:{_FACILITY}))\b",
    ),
    _rule("DATE", rf"\b(?P<value>{_DAY}(?:[ ]of)?[ -/](?:{_MONTHS})\.?(?:,?[ -/]{_YEAR}\b|(?![a-z])))"),
    _rule("DATE", rf"\b(?P<value>(?:{_MONTHS})\.?[ ]{_DAY}(?:,?[ ]{_YEAR})?)\b(?!{_UNITS})"),
    _rule("DATE", rf"\b(?P<value>(?:{_MONTHS})\.?,?(?:[ ]of)?[ -]{_YEAR})\b"),
    _rule("DATE", rf"\b(?P<value>{_YEAR}[-/.](?:1[0-2]|0[1-9])[-/.](?:3[01]|[12]\d|0[1-9]))(?!\d)"),
    _rule("DATE", rf"\b(?:in|since|last|until|by|during|early|late|mid|of)[ -](?P<value>{_MONTH})\b(?!['’])"),
    _rule("DATE", rf"\b(?:on|dated?|since|until|seen|dob|admitted|discharged)[ :]{{1,2}}(?P<value>{_MONTH_DAY}){_TOGETHER}", re.I),
    _rule("DATE", rf"\b(?:in|since|until|dated?)[ ](?P<value>(?:1[0-2]|0?[1-9])/(?:0\d|[6-9]\d)){_TOGETHER}", re.I),
    _rule("AGE", r"\b(?P<value>9\d|1[01]\d)(?=[ -]{0,2}(?:years?|yrs?|y)\.?[ -]{1,2}(?:old|of[ ]age)|[ ]?y[./]?o\b)", re.I),
    _rule("AGE", r"\b(?:age[sd]?|age[ ]of)[ :]{1,2}(?P<value>9\d|1[01]\d)\b(?![.%/]\d|[ ]?(?:%|mg|days|weeks|months|hours))", re.I),
    _rule("AGE", r"\b(?:his|her|their)[ ](?:early[ ]|mid[ -]?|late[ ])?(?P<value>90['’]?s|nineties)\b", re.I),
    _rule("PHONE", rf"(?<![\w.-])(?P<value>{_AREA}\d{{3}}[ .-]\d{{4}}{_EXTENSION})(?![\w-])", re.I),
    _rule("PHONE", rf"\b(?:{_TELEPHONE})(?:[ ](?:number|no\.?|at))?[ .:#]{{1,3}}(?P<value>\+?\d[\d ().-]{{5,18}}\d)\b", re.I),
    _rule("PHONE", r"\b(?:ext(?:ension)?|pager|beeper)\.?[ :#]{1,2}(?P<value>\d{3,6})\b", re.I),
    _rule("ID", rf"\b(?:{_ALONE})(?:\s*(?:number|no|num|id)\b\.?)?\s*[:#=]?\s*\#?\s*(?P<value>{_CODE})", re.I),
    _rule("ID", rf"\b(?:{_NUMBERED})(?:{_MARK})\s*(?:[:#=]|\bis\b)\s*\#?(?P<value>{_CODE})", re.I),
    _rule("ID", rf"\b(?:{_NUMBERED})(?:\s+(?:number|no|num|nr|id)\b\.?|\s*\#)\s*(?:of\s+)?(?P<value>{_CODE})", re.I),
    _rule("ID", r"\b(?P<value>\d{3}-\d{2}-\d{4})\b"),
    _rule("ID", r"(?P<value>\(01\)\d{14}(?:\(\d{2}\)[A-Za-z0-9]{1,20}){0,4})"),
    # a vehicle's: 17 letters and digits, the last six of them digits
    _rule("ID", r"\b(?P<value>(?=[A-Z]{0,16}\d[A-Z0-9]{0,15}\d)(?=\d{0,16}[A-Z])[A-HJ-NPR-Z0-9]{11}\d{6})\b"),
    # no measurement has so many digits, but a count may, that ends in zeros
    _rule("ID", r"(?<![\w.,$/-])(?P<value>\d{8,14})(?![\w]|[.,/-]\d)(?<!000)"),
)  # fmt: skip

_PREFIX = "(?:Mc|Mac|De|La|Le|Van|Von|O['’]|D['’])?"
_WORD = (
    rf"(?:{_PREFIX}[A-ZÀ-Þ][a-zß-ÿ]{{1,20}}(?:['’-][A-ZÀ-Þ][a-zß-ÿ]{{1,20}})?|"
    r"[A-ZÀ-Þ]{2,20}(?:['’-][A-ZÀ-Þ]{2,20})?)"
)
_PARTICLE = r"(?:(?:de|la|van|von|der|den|del|da|di|bin|al|el)[ ]){0,2}"
_NAME = rf"{_PARTICLE}(?:{_WORD}|[A-Z]\b\.?)(?:[ ](?:{_PARTICLE}{_WORD}|[A-Z]\b\.?)){{0,3}}"
_LAST_FIRST = rf"{_WORD},[ ]{_WORD}(?:[ ][A-Z]\b\.?)?"
_FULL = rf"{_WORD}(?:[ ][A-Z]\b\.?){{0,2}}[ ]{_PARTICLE}{_WORD}(?:[ ]{_WORD})?"
_DEGREE = r"M\.?D|D\.?O|R\.?N|L\.?P\.?N|Ph\.?D|PA-C|PA|N\.?P|ARNP|CRNA|FACS|FACC|D\.?D\.?S|D\.?P\.?M|Psy\.?D|M\.?B\.?B\.?S|PharmD"
_SIGNED = "signed|dictated|transcribed|authenticated|authored|prepared"
_SEEN = "seen|evaluated|examined|referred|performed|reviewed|accompanied|interviewed|followed|witnessed|assisted"
_RELATIVE = "wife|husband|spouse|son|daughter|mother|father|brother|sister|partner|fianc[ée]e?|girlfriend|boyfriend|caregiver|niece|nephew"

#: Patterns of names. The words that end up in `value` are cut at the first that is no name (`NO_NAMES`).
NAME_RULES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:Dr|Drs|Mr|Mrs|Ms|Mx|Prof|Rev|DR|MR|MRS|MS|PROF)\.[ ]{{0,2}}(?P<value>{_NAME})",
        rf"\b(?:Dr|Mr|Mrs|Ms|Miss|Doctor|Professor|Nurse|Judge)[ ](?P<value>{_NAME})",
        rf"\bDrs\.?[ ]{_WORD}(?:,[ ]{_WORD}){{0,3}}(?:,?[ ]and[ ])(?P<value>{_WORD})",
        rf"\b(?P<value>{_FULL})(?=,?[ ](?:{_DEGREE})\b)",
        r"\b(?i:patient(?:['’]s)?(?:\s+name)?|name|attending(?:\s+physician)?|(?:referring|primary\s+care|consulting|admitting)\s+physician|"
        r"physician|surgeon|(?:first\s+)?assistant|an(?:a?e)sthesiologist|pcp|provider|social\s+worker|therapist|case\s+manager|nurse|technician|radiologist|pathologist|"
        r"next\s+of\s+kin|emergency\s+contact|guardian|contact(?:\s+person)?|employer|cc|attn|interpreter|"
        r"(?:electronically\s+)?signed|dictated\s+by|transcribed\s+by|author|reviewed\s+by)"
        rf"\s{{0,2}}[:#][ \t]{{0,4}}(?:(?:Dr|Mr|Mrs|Ms|Prof)\b\.?[ ]?)?(?P<value>{_LAST_FIRST}|{_NAME})",
        rf"\b(?i:{_SIGNED})(?:[ ]electronically)?[ ]by[ :]{{1,2}}(?P<value>{_LAST_FIRST}|{_NAME})",
        rf"\b(?i:{_SEEN})[ ]by[ ](?P<value>{_FULL})",
        rf"\bI,[ ](?P<value>{_FULL})(?=,)",
        rf"\b(?:[Mm]y[ ]name[ ]is|[Nn]ame[ ]is|[Pp]atient[ ]named|[Nn]amed)[ ](?P<value>{_NAME})",
        rf"\b(?:[Hh]is|[Hh]er|[Tt]heir|[Tt]he)[ ](?:\w{{1,12}}[ ])?(?:{_RELATIVE})(?:,|[ ]is|[ ]named)?[ ]"
        rf"(?P<value>{_WORD}(?:[ ]{_WORD})?)",
        rf"\b[Pp]atient,?[ ](?P<value>{_FULL})(?=,?[ ](?:is|was|has|had|presented|a[ ]\d))",
        rf"^(?P<value>{_FULL})(?=[ ](?:is|was)[ ]an?[ ](?:\d|pleasant|delightful|very))",
    )
)

#: Words (in small letters) that are no part of a name where they follow a cue.
_NO_NAMES = """
    a acute age alive allergies also an and anesthesia as assessment at attending bilateral blood by cardiology care chest
    chief chronic clinic clinical complaint consult consultation date deceased denies department dermatology diabetes diagnosis
    discharge disease doctor emergency ent examination exam family female for from gastroenterology general given gyn gynecology
    had has he health her his history home hospital i icu id in internal is it left male medical medications medicine mrn n/a na
    name neurology neurosurgery no none nor not note number nurse ob objective of on oncology operative or orthopedic
    orthopedics our own patient pathology pediatrics per physician plan please postoperative preoperative present primary
    procedure psychiatry pulmonary radiology reports right room see self service she signed social staff states status
    subjective surgeon surgery surgical that the then there they this to today type unknown unit urology was were when
    which who will with x-ray year
"""
NO_NAMES: Final = frozenset(_NO_NAMES.split())

#: Names that are also words (in small letters): taken out beside a cue, never where they stand alone.
_COMMON_WORDS = """
    april august art banks bill black bone brown carbon case church cook cross crown day dean drew early east faith field
    fish foot ford fox frank gene gold grace grant gray green grey hall hand head heart hill hope iris jack june joy key
    king knee knight lamb lane law lee list little long love lung major mark may miles moon nice north page parent park
    pat penny pope post power price ray read reed rice rich rod rose ruby short small snow south stone strong summer sweet
    temple upper waters weeks west white will wood young
"""
COMMON_WORDS: Final = frozenset(_COMMON_WORDS.split())

#: Words behind which a name is an eponym: `Parkinson's disease`, `Foley catheter`.
EPONYM_HEADS: Final = re.compile(
    r"(?:['’]s|s['’])?[ -](?:(?:and|et)[ ]\w+[ ])?(?:\w+[ ])?(?i:disease|syndrome|sign|test|catheter|tube|clamp|retractor|"
    r"forceps|scissors|suture|drain|needle|"
    r"procedure|operation|repair|maneuver|manoeuvre|position|criteria|classification|score|scale|stage|grade|grading|index|"
    r"dystrophy|myopathy|neuropathy|lymphoma|sarcoma|tumou?r|carcinoma|disorder|palsy|paralysis|an(?:a?e)mia|thyroiditis|lesion|fracture|contracture|"
    r"reflex|phenomenon|duct|gland|canal|node|nodule|cell|bodies|body|stain|method|technique|equation|formula|law|effect|"
    r"esophagus|oesophagus|hernia|line|block|dementia|chorea|ataxia|encephalopathy|valve|stent|filter|port|pump|plate|screw)"
)
