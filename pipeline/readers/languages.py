"""Language codes of three letters as those of two.

MEDLINE writes the bibliographic codes of ISO 639-2 (https://www.nlm.nih.gov/bsd/language_table.html), the tables write
ISO 639-1. The list holds what PubMed holds more than a handful of papers in; any other code passes through unchanged.
"""

from __future__ import annotations

import re

__all__ = ["language_of", "two_letters"]

_PAIRS = (
    "afr:af ara:ar arm:hy aze:az bos:bs bul:bg cat:ca chi:zh zho:zh cze:cs ces:cs dan:da dut:nl nld:nl eng:en est:et "
    "fin:fi fre:fr fra:fr geo:ka ger:de deu:de gre:el ell:el heb:he hin:hi hrv:hr hun:hu ice:is isl:is ind:id ita:it "
    "jpn:ja kor:ko lav:lv lit:lt mac:mk may:ms nor:no per:fa fas:fa pol:pl por:pt rum:ro ron:ro rus:ru slo:sk slk:sk "
    "slv:sl spa:es srp:sr swe:sv tha:th tur:tr ukr:uk vie:vi baq:eu eus:eu scr:hr"
)
_TWO_LETTERS = dict(pair.split(":") for pair in _PAIRS.split())


def two_letters(code: str | None, default: str = "en") -> str:
    """`eng` -> `en`, `pt-BR` -> `pt`, `EN` -> `en`; the default where there is no code."""
    code = (code or "").strip().lower().replace("_", "-").split("-")[0]
    return _TWO_LETTERS.get(code, code) or default


# Kana before Han: Japanese has both. The shares are small because names of drugs and numbers are written in Latin letters.
_SCRIPTS = (("ja", re.compile("[\u3041-\u30ff]"), 0.05), ("ko", re.compile("[\uac00-\ud7a3]"), 0.2),
            ("zh", re.compile("[\u4e00-\u9fff]"), 0.2), ("ru", re.compile("[\u0400-\u04ff]"), 0.4))  # fmt: skip
_READ = 2000


def language_of(text: str, default: str = "en") -> str:
    """The language of a text that does not say it, as far as its script tells; the default where it is in another script."""
    start = text[:_READ]
    if start.isascii():
        return default
    letters = max(sum(map(str.isalpha, start)), 1)
    return next((code for code, script, share in _SCRIPTS if len(script.findall(start)) >= share * letters), default)
