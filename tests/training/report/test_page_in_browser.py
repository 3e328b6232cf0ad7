"""The page in a real browser: the charts are drawn, nothing complains, and an attack stays text."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from anabranch.training.report.contents import Report
from anabranch.training.report.html import to_html

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
    "--dump-dom",
]
CLICK = "<script>document.querySelectorAll('th button')[1].click(); document.body.dataset.clicked = 'yes';</script>"
PICK = """<script>
setTimeout(() => {
  const label = [...document.querySelectorAll("#chart .role-legend-label text")].find((t) => t.textContent === "mlp");
  const { x, y } = label.getBoundingClientRect();
  label.dispatchEvent(new MouseEvent("click", { bubbles: true, view: window, clientX: x + 2, clientY: y + 2 }));
}, 3000);
</script>"""

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")]


def opened(html: str, folder: Path) -> tuple[str, list[str]]:
    """The page's elements once its scripts have run, and what they wrote to the console."""
    assert BROWSER is not None
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    command = [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def with_script(html: str, script: str) -> str:
    """The page with one more script at its end; the charts' library also speaks of a body's end."""
    start, end, rest = html.rpartition("</body>")
    return start + script + end + rest


def without_policy(report: Report) -> str:
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", to_html(report))


class Tags(HTMLParser):
    """The names of a page's tags and of their attributes."""

    def __init__(self, dom: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: dict[str, str | None] = {}
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= dict(attrs)


def section(dom: str, chart: str) -> str:
    found = re.search(rf'<div class="[^"]*chart[^"]*" id="{chart}".*?</section>', dom, re.DOTALL)
    assert found
    return found[0]


def test_the_charts_are_drawn_without_complaint(priced: Report, tmp_path: Path) -> None:
    """Two routers: two bands and two curves; the mix is a third line. Each router calibrated: two bins, two points."""
    dom, console = opened(to_html(priced), tmp_path)
    assert console == []
    chart = section(dom, "chart")
    assert "<svg" in chart and chart.count('aria-roledescription="area mark"') == 2
    assert chart.count('aria-roledescription="line mark"') == 3
    assert section(dom, "calibration").count('aria-roledescription="point"') == 4


def test_other_reports_are_drawn_too(pair: Report, unpriced: Report, cascaded: Report, tmp_path: Path) -> None:
    for report in (pair, unpriced, cascaded):
        dom, console = opened(to_html(report), tmp_path)
        assert console == []
        assert "<svg" in section(dom, "chart")


def test_an_attack_does_not_run(priced: Report, tmp_path: Path) -> None:
    attack = "</script><script>document.body.dataset.pwned='yes'</script><img src=x onerror=\"document.title='pwned'\">"
    first = priced.routers[0]
    routed = replace(first, row=replace(first.row, name=attack), examples=(replace(first.examples[0], text=attack),))
    dom, console = opened(to_html(replace(priced, labels=attack, routers=(routed,))), tmp_path)
    assert console == []
    assert "<svg" in section(dom, "chart")
    tags = Tags(dom)
    assert "img" not in tags.names
    assert "data-pwned" not in tags.attributes
    assert "<title>pwned" not in dom


def test_a_click_on_the_legend_fades_the_other_routers(priced: Report, tmp_path: Path) -> None:
    """Lines: the mix, knn, mlp; what is not picked keeps a twelfth of its opacity."""
    dom, _ = opened(with_script(without_policy(priced), PICK), tmp_path)
    lines = re.findall(r'<path [^>]*aria-roledescription="line mark"[^>]*>', section(dom, "chart"))
    assert [re.findall(r' opacity="([^"]*)"', line)[0][:4] for line in lines] == ["0.08", "0.08", "1"]


def test_the_policy_stops_a_script_that_got_in(priced: Report, tmp_path: Path) -> None:
    dom, console = opened(with_script(to_html(priced), CLICK), tmp_path)
    assert "data-clicked" not in Tags(dom).attributes
    assert len(console) == 1 and "Content Security Policy" in console[0]


def test_a_column_sorts_when_its_head_is_clicked(priced: Report, tmp_path: Path) -> None:
    """By quality, best first: oracle 0.9 leads, small 0.6 trails; without the policy the click may run."""
    dom, _ = opened(with_script(without_policy(priced), CLICK), tmp_path)
    assert Tags(dom).attributes["data-clicked"] == "yes"
    body = re.search(r"<h2>Routers and baselines</h2>.*?<tbody>(.*?)</tbody>", dom, re.DOTALL)
    assert body
    names = re.findall(r"<tr[^>]*>\s*<td>(.*?)</td>", body[1])
    assert names[0] == "oracle"
    assert names[-1] == "small"
