import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import orjson

from anabranch.training.report.contents import Report
from anabranch.training.report.html import script_json, to_html
from anabranch.training.report.json_view import to_json

ATTACK = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """Tags with their attributes, the text people read, and the scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        {"script": self.scripts, "style": self.styles}.get(self.inside, self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(report: Report) -> Page:
    return Page(to_html(report))


def attacked(report: Report) -> Report:
    """Every text that comes from outside holds an attack."""
    first = report.routers[0]
    example = replace(first.examples[0], text=ATTACK, task=ATTACK, prompt_id=ATTACK, reason=ATTACK, arm=ATTACK)
    routed = replace(
        first,
        row=replace(first.row, name=ATTACK),
        examples=(example,),
        tasks=(replace(first.tasks[0], task=ATTACK),),
        shares={ATTACK: 1.0},
    )
    arms = (ATTACK, report.arms[1])
    singles = (replace(report.baselines[0], name=ATTACK), *report.baselines[1:])
    return replace(report, labels=ATTACK, arms=arms, baselines=singles, notes=(ATTACK,), routers=(routed,))


def test_the_page_asks_the_network_for_nothing(priced: Report, pair: Report, unpriced: Report) -> None:
    """Nothing has an address but the empty icon, styles import nothing, and the policy forbids the rest."""
    for report in (priced, pair, unpriced):
        page = read(report)
        addresses = [v for _, attrs in page.tags for k, v in attrs.items() if k in ("src", "href", "srcset", "action")]
        assert addresses == ["data:,"]
        assert not re.search(r"@import|url\(", " ".join(page.styles))
        assert not re.search(r"\bfrom\s*[\"']https?:|\bimport\s*\(?\s*[\"']https?:", "".join(page.scripts))
        assert policy_of(page).startswith("default-src 'none';")


def policy_of(page: Page) -> str:
    found = [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(found) == 1 and found[0]
    return found[0]


def test_the_policy_lets_the_two_scripts_run_and_no_other(priced: Report) -> None:
    page = read(priced)
    data, *run = page.scripts
    hashes = {f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in run}
    assert hashes == {word for word in policy_of(page).split() if "sha256" in word}
    assert len(hashes) == 2
    assert orjson.loads(data).keys() == {"chart", "calibration"}


def test_text_from_outside_stays_text(priced: Report) -> None:
    """Three scripts and no image, as without the attack; and the attack can be read."""
    page = read(attacked(priced))
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert "img" not in {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert page.text.count(ATTACK) >= 6
    assert "pwned" in page.scripts[0]
    assert "<" not in page.scripts[0]
    assert ATTACK in str(orjson.loads(page.scripts[0]))


def test_json_in_a_script_cannot_leave_it() -> None:
    text = "<!--<script></script>&\u2028\u2029"
    found = script_json([text])
    assert not set("<>&\u2028\u2029") & set(found)
    assert orjson.loads(str(found)) == [text]


def test_what_is_not_defined_is_a_dash(priced: Report, pair: Report, unpriced: Report) -> None:
    for report in (priced, pair, unpriced):
        page = read(report)
        assert not re.search(r"\bnan\b|\bNone\b", page.text, re.IGNORECASE)
        assert not [value for _, attrs in page.tags for value in attrs.values() if value in ("nan", "None")]
        assert "NaN" not in page.scripts[0]
    assert "∞ [0.500, ∞]" in read(priced).text


def test_the_page_answers_first_and_explains_last(priced: Report) -> None:
    text = read(priced).text
    parts = [
        "Does routing help on helpdesk?",
        "Yes, with 1 of 2 routers.",
        "at least +0.011 with 95 % confidence",
        "Routers and baselines",
        "best single: large 0.800 [0.780, 0.820] 20.0 [18.0, 22.0] +0.000 [-0.020, +0.020] 0 %",
        "Mind: 2.5% of the quality cells are unknown and count for nothing.",
        "Where the prompts go large 75.0 % small 25.0 %",
        "maths 400 0.900 [0.880, 0.920] +0.010 [-0.010, +0.030] 0.890 0.950",
        "law 1 – – – –",
        "What is 1 + 1?",
        "chose small (max_utility); estimated 0.900, observed 0.000. large had 1.000.",
        "AIQ ↑",
        "How to read this page",
        "The test is one-sided at level 0.05",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_pairs_and_agreements_are_shown_where_there_are_any(priced: Report, pair: Report) -> None:
    text = read(pair).text
    assert "knn as a weak-strong router" in text
    assert "law 77 0.500 0.700 0.610 [0.590, 0.630] 1.100 25 % [20, 30] 60 % [50, 70]" in text
    assert "knn, knn.onnx 99.8 % 1 0.0001" in text
    assert "weak-strong" not in read(priced).text and "decide alike" not in read(priced).text


def test_without_costs_nothing_speaks_of_them(unpriced: Report) -> None:
    text = read(unpriced).text
    assert "USD" not in text and "Mix of single models" not in text
    assert "knn 0.790 [0.770, 0.810] -0.010 [-0.030, +0.010] -10 %" in text


def test_the_footer_fingerprints_the_report(priced: Report) -> None:
    assert sha256(to_json(priced)).hexdigest() in read(priced).text


def test_baselines_alone_make_a_page(priced: Report) -> None:
    text = read(replace(priced, routers=())).text
    assert "No router was evaluated" in text and "All metrics" not in text


def test_the_page_is_about_a_megabyte(priced: Report) -> None:
    assert len(to_html(priced).encode()) < 1_500_000


def test_a_cascade_shows_its_calls_and_whose_answers_are_given(cascaded: Report) -> None:
    text = read(cascaded).text
    parts = [
        "Yes, with 3 of 3 routers and cascades.",
        "frugal (cascade) ✓ route",
        "Looking at the answers pays: it beats the best mix of single models at the same cost.",
        "Calls per prompt 1.48 2.0 % of the prompts get no answer",
        "unpriced (cascade) ✓ route",
        "Looking at the answers pays: it beats always asking large.",
        "Routers, cascades and baselines",
        "frugal (cascade) 0.830 [0.810, 0.850] 12.0 [10.8, 13.2]",
        "unpriced (cascade) 0.830 [0.810, 0.850] –",
        "One by one",
        "Where the prompts go large 75.0 % small 25.0 %",
        "Where the calls go large 75.0 % small 25.0 %",
        "1.48 [1.46, 1.50] calls per prompt. Half of the answers take at most 1.50 s, 95 % at most 2.50 s.",
        "Whose answers are given small 50.0 % large 48.0 %",
        "2.0 % of the prompts get no answer, and count as quality 0.",
        "law, p8: called small × 2, large; gave large’s answer (unsure); observed 1.000. No model did better.",
        "law, p9: called small; gave no answer (too_dear); observed 0.000. large had 1.000.",
        "the router or cascade at its",
        "all calls count as cost",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert not re.search(r"\bnan\b|\bNone\b", text, re.IGNORECASE)


def test_only_cascades_are_called_cascades(cascaded: Report, priced: Report) -> None:
    text = read(replace(cascaded, routers=cascaded.routers[1:2])).text
    assert "Cascades and baselines" in text and "Cascade by cascade" in text
    assert "cascade" not in read(priced).text.lower()


def test_the_page_and_the_data_are_fingerprinted_as_one(cascaded: Report) -> None:
    assert sha256(to_json(cascaded)).hexdigest() in read(cascaded).text
