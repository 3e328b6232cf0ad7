"""Canonical answers: one key for all the ways in which models write the same answer."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction
from string import ascii_uppercase
from typing import Literal, get_args

from anabranch.data.text_keys import normalised

AnswerKind = Literal["mcq", "number", "text", "items"]

MOST_BITS = 1024
MOST_EXPONENT = 300
LETTERS_WITHOUT_OPTIONS = 10

_IS = r"answer\b[^.\n:=]{0,60}?(?:\b(?:is|be)\b(?:[ ]*:)?|:|=|\s[-–—](?=\s))\s*"
_CUE = re.compile(rf"(?<!no )\b{_IS}", re.IGNORECASE)
_FINAL = re.compile(rf"\bfinal\s+{_IS}", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:cannot|can[’']?t|unable to|not able to)\s+(?:be\s+)?(?:answer|determine|solve)"
    r"|\b(?:do not|don[’']?t) know\b|\bno answer\b|\bnot enough information\b|^\W*n/a\W*$",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,2})(?=[^\s*])([^*\n]+)(?<=\S)\1(?![\w*])")
_SENTENCE_END = re.compile(r"\n|[.!?]\s+(?=[A-Z])")

_CURRENCY = re.compile(r"([-+]?)\\?[$€£¥₹]\s*")
_TEN_TO = re.compile(r"(?<=\d)\s*(?:×|\\times|\\cdot|\*|x)\s*10\s*\^\s*\{?\s*([-+]?\d+)\s*\}?", re.ASCII)
_FRAC = re.compile(r"(?:(\d)\s*+)?\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}", re.ASCII)
_UNDECIDED = re.compile(
    r"\bbetween\s+[-\d.,]++\s++and\s+[-\d.,]*\d|(?<![-\d.,])-?\.?\d[\d.,]*+\s++or\s+[-\d.,]*\d", re.ASCII
)
# possessive throughout: a numeral that what follows rules out must not be cut down until it fits
_NUMERAL = re.compile(
    r"""(?<!\w)(?<!\d[.,:/])(?<!\^)(?<!\^[{+-])(?P<sign>(?<![)\]}%])[-+])?+
    (?P<mixed>\d++[ ]+(?=\d++[ ]?/[ ]?\d))?+
    (?P<size>(?:(?:\d{1,3}+(?:(?:,\d{3})++|(?:[ ]\d{3})++)(?!\d)|\d++)(?:\.\d++)?+|(?<!\.)\.\d++)
      (?:[eE](?P<exponent>[-+]?+\d++))?+)
    (?:[ ]?/[ ]?(?P<divisor>\d++))?+
    (?![.,:/]\d)(?![\^⁰¹²³⁴⁵⁶⁷⁸⁹])""",
    re.VERBOSE | re.ASCII,
)

_LETTER = r"\b(?P<letter>[A-Z])\b(?![-'’+#]\w)"
_ALONE = re.compile(r"\W*+(?:(?:option|choice|letter)\b\W*+)?([A-Z])\W*+", re.IGNORECASE)
_SURELY = r"(?:(?:most|definitely|clearly|certainly|likely|probably|therefore)\s+)*+"
# "A" and "I" are words as well: before another word they are letters only where a reason or a verdict follows
_REASON = r"(?:because|since|as|is|or|and|due|for|which)\b"
_NAMED = re.compile(
    rf"\W*+{_SURELY}\W*+(?:(?:the\s+)?(?:(?:correct\s+)?(?P<noun>option|choice|letter))\b\W*+)?{_LETTER}"
    rf"(?(noun)|(?:(?<![AI])|(?!\s+(?!{_REASON})[a-z])))|\W*+(?P<small>[a-z])[).:](?!\w)"
)
_FURTHER = re.compile(
    r"[^\w/,&]*+(?:\b(?:or|and)\b|[/,&]\W*+(?:(?:or|and)\b)?)\W*+(?:(?:option|choice)\b\W*+)?([A-HJ-Z])\b"
)
_LEADING = re.compile(
    r"(?:^[^\w\n]*+|(?<=[.;!?]\s)\(?)([A-Z])(?=[^\w\s]*?[).:])[^\w\s]*+(?:\s|$)(?!is\b)", re.MULTILINE
)
_SAID = re.compile(
    r"\(([A-Za-z])\)"
    r"|(?i:\b(?:option|choice|letter|choose|pick|select|chose|with|is|be|it[’']s))\s\W*+([A-Z])\b(?!\s+[a-z])"
    r"|\b([A-Z])\b[^\w\s]*+\s++is\s+(?:the\s+)?(?:correct|right|best|answer)"
)
_DENIED = re.compile(
    r"\(?\b[A-Z]\b\)?\s+(?:is|was|can[’']?t be|cannot be)\s*(?:n[’']t|not|wrong|incorrect|false|ruled out)"
    r"|\b(?i:not|eliminate|rule out|exclude)\s+(?:(?:option|choice)\s+)?\(?[A-Z]\b\)?"
)
_SO = re.compile(r"\b(?:so|thus|hence|therefore)\b", re.IGNORECASE)
_AFTER_SO = re.compile(r"\W*+(?:it(?:[’']s|\s+is|\s+must\s+be)\s+|I\s+(?:choose|pick|say)\s+)?", re.IGNORECASE)

_ARTICLES = frozenset(("a", "an", "the"))
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)
_BULLET = re.compile(r"^[^\S\n]*+(?:[-*•]|\d+[.)])[^\S\n]+", re.MULTILINE)


def canonical(text: str, kind: AnswerKind, options: Sequence[str] | None = None) -> str | None:
    r"""The key of an answer, equal for answers that say the same; None if the text gives no answer, or several.

    A statement decides over the prose around it: `#### x`, then the last `\boxed{x}`, then "the answer is x".
    None is not an answer: two texts without one do not agree.

    Args:
        text: what the model wrote.
        kind: `mcq` gives the option's letter; `number` an exact fraction in lowest terms, percent and currency
            signs dropped; `text` the words without case, punctuation and articles; `items` the same for each of
            the comma, semicolon or newline separated items, sorted.
        options: of an `mcq`, in the order of their letters, at most 26; without them letters are A to J.

    Raises:
        ValueError: `kind` is unknown, options are given for another kind, or there are 0 or more than 26.

    >>> canonical("It costs $1,234.50.", "number"), canonical("The answer is (b).", "mcq")
    ('2469/2', 'B')
    """
    if kind not in get_args(AnswerKind):
        raise ValueError(f"unknown answer kind {kind!r}; known: {', '.join(get_args(AnswerKind))}")
    if options is not None and (kind != "mcq" or not 1 <= len(options) <= len(ascii_uppercase)):
        raise ValueError(f"{len(options)} options for kind {kind!r}; give 1 to 26 options, for kind 'mcq' only")
    text = _EMPHASIS.sub(r"\2", text)
    if kind == "mcq":
        return _letter(unicodedata.normalize("NFKC", text), options)
    if kind == "number":
        return _number(_plain(text))
    return _settled(text, _text if kind == "text" else _items)


def _stated(text: str) -> str | None:
    """What stands after the mark that announces the answer, or None without such a mark."""
    _, hashes, rest = text.rpartition("####")
    if hashes:
        return rest.strip().split("\n")[0]
    _, box, rest = text.rpartition("\\boxed{")
    if box:
        return _inside(rest)
    cues = list(_FINAL.finditer(text)) or list(_CUE.finditer(text))
    return text[cues[-1].end() :] if cues else None


def _inside(text: str) -> str:
    """The text up to the brace that closes one opened before it."""
    depth = 1
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if not depth:
            return text[:place]
    return text


def _plain(text: str) -> str:
    """ASCII digits, signs and blanks for their typographic forms; superscripts stay, for they are no digits."""
    text = (text if text.isascii() else "".join(map(_plain_character, text))).replace("{,}", ",").replace("\\!", "")
    text = _TEN_TO.sub(r"e\1", _CURRENCY.sub(r" \1", text))
    return _FRAC.sub(lambda found: f"{found[1] + ' ' if found[1] else ''}{found[2]}/{found[3]}", text)


def _plain_character(character: str) -> str:
    if character in "−–":
        return "-"
    form = unicodedata.decomposition(character).partition(" ")[0]
    if form == "<fraction>":
        return " " + unicodedata.normalize("NFKC", character).replace("⁄", "/")
    return unicodedata.normalize("NFKC", character) if form in ("<wide>", "<narrow>", "<noBreak>") else character


def _number(text: str) -> str | None:
    stated = _stated(text)
    if stated is None:
        found = [] if _REFUSAL.search(text) else list(_NUMERAL.finditer(_UNDECIDED.sub(" ", text)))
        return _fraction(found[-1]) if found else None
    sentence = _SENTENCE_END.split(_UNDECIDED.sub(" ", stated), maxsplit=1)[0]
    result = re.split(r"[=≈]|\\approx", re.sub(r"(?<=\d)\s+\(.*", "", sentence))[-1]
    numeral = _NUMERAL.search(result)
    return _fraction(numeral) if numeral else None


def _fraction(numeral: re.Match[str]) -> str | None:
    """The value in lowest terms; None if it divides by 0 or is too long to be an answer."""
    exponent = numeral["exponent"] or "0"
    if len(numeral[0]) > MOST_BITS or len(exponent) > 4 or abs(int(exponent)) > MOST_EXPONENT:
        return None
    divisor = int(numeral["divisor"] or 1)
    if not divisor:
        return None
    value = int(numeral["mixed"] or 0) + Fraction(re.sub("[, ]", "", numeral["size"])) / divisor
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        return None
    return str(-value if numeral["sign"] == "-" else value)


def _letter(text: str, options: Sequence[str] | None) -> str | None:
    known = ascii_uppercase[: LETTERS_WITHOUT_OPTIONS if options is None else len(options)]
    whole = _option(text, known, options or ())
    if whole:
        return whole
    letters = _stated_letters(text, known, options or ()) or _concluded(text) or _leading(text) or _said(text)
    return letters.pop() if len(letters) == 1 and letters <= set(known) else None


def _option(text: str, known: str, options: Sequence[str]) -> str | None:
    """The option that a text names and nothing else: by its letter, or by its words."""
    alone = _ALONE.fullmatch(text)
    if alone and alone[1].upper() in known:
        return alone[1].upper()
    key = normalised(text)
    same = [letter for letter, option in zip(known, options, strict=False) if key and normalised(option) == key]
    return same[0] if len(same) == 1 else None


def _stated_letters(text: str, known: str, options: Sequence[str]) -> set[str]:
    """All letters that marks announce: the decisive ones, or each "the answer is"; contradictions stay in."""
    if "####" in text or "\\boxed{" in text or _FINAL.search(text):
        statements = [_stated(text) or ""]
    else:
        cues = list(_CUE.finditer(text))
        ends = [cue.start() for cue in cues[1:]] + [len(text)]
        statements = [text[cue.end() : end] for cue, end in zip(cues, ends, strict=False)]
    found: set[str] = set()
    for statement in statements:
        sentence = re.sub(r"\\(?:text|textbf|mathrm)\{", "", _SENTENCE_END.split(statement, maxsplit=1)[0])
        whole = _option(sentence, known, options) or _option(statement.split("\n")[0], known, options)
        found |= {whole} if whole else _named(statement.split("\n")[0])
    return found


def _named(statement: str) -> set[str]:
    """The letters with which a statement starts: "option C because", "A or B"."""
    found: set[str] = set()
    name = _NAMED.match(statement)
    if name:
        found.add((name["letter"] or name["small"]).upper())
        further = _FURTHER.match(statement, name.end())
        while further:
            found.add(further[1])
            further = _FURTHER.match(statement, further.end())
    return found


def _concluded(text: str) -> set[str]:
    places = [so.end() for so in _SO.finditer(text)]
    return _named(_AFTER_SO.sub("", text[places[-1] :], count=1)) if places else set()


def _leading(text: str) -> set[str]:
    """The letters that open lines as options do, "B. Paris", if the text itself opens so."""
    return set(_LEADING.findall(text)) if _LEADING.match(text.lstrip()) else set()


def _said(text: str) -> set[str]:
    """The letters that the prose points at and does not deny."""
    return {"".join(found).upper() for found in _SAID.findall(_DENIED.sub(" ", text))}


def _settled(text: str, step: Callable[[str], str]) -> str | None:
    """The key that a step no longer changes: dropping punctuation can complete another "answer is"."""
    key = "" if _refused(text) else step(text)
    while key and (again := step(key)) != key:
        key = again
    return None if not key or _refused(key) else key


def _refused(text: str) -> bool:
    return _stated(text) is None and _REFUSAL.search(text) is not None


def _text(text: str) -> str:
    stated = _stated(text)
    return _words(text if stated is None else stated.strip().split("\n")[0])


def _items(text: str) -> str:
    stated = _stated(text)
    lines = (text if stated is None else stated).strip()
    if "\n" in lines:
        lines = _BULLET.sub("", lines)
    items = (_words(item).removeprefix("and ") for item in re.split(r"[,;\n]", _THOUSANDS.sub("", lines)))
    return ", ".join(sorted(filter(None, items)))


def _words(text: str) -> str:
    """The normalised words but for articles, unless it has nothing else; empty for mere punctuation."""
    if not any(character.isalnum() or unicodedata.category(character)[0] == "S" for character in text):
        return ""
    words = normalised(text).split()
    return " ".join([word for word in words if word not in _ARTICLES] or words)
