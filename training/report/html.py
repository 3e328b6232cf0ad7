"""The page of a report: one file that works offline and asks the network for nothing.

It weighs about 1 MB, nearly all of it the library that draws the charts. Text from prompts and names is escaped, and
the page's own policy lets the browser run the two scripts written here, by their hash, and load nothing.
"""

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import altair
import orjson
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from anabranch.training.report import notation
from anabranch.training.report.contents import Report, RouterResult
from anabranch.training.report.fusion_findings import fusion_findings
from anabranch.training.report.glossary import term
from anabranch.training.report.json_view import to_json
from anabranch.training.report.main_rows import main_rows, partly_covered
from anabranch.training.report.names import kinds_of, short_names, titled
from anabranch.training.report.vega import chart_specs
from anabranch.training.report.verdict_card import Card, answer, compared_with, fusion_card, verdict_card
from anabranch.training.verdict import ALPHA, MIN_PROMPTS, SMALLEST_GAIN

_FOLDER = Path(__file__).parent
_SCRIPT = "script.html.jinja"


def to_html(report: Report) -> str:
    """The report as one HTML page."""
    environment = _environment()
    scripts = [_library(), environment.get_template(_SCRIPT).render()]
    specs, fingerprint = chart_specs(report), sha256(to_json(report)).hexdigest()
    report = titled(report)
    tone, sentence = answer(report)
    short = short_names(report.arms)
    return environment.get_template("report.html.jinja").render(
        report=report,
        tone=tone,
        answer=sentence,
        cards=_cards(report),
        fusion=[] if report.fusion is None else [*fusion_findings(report, report.fusion)],
        against=compared_with(report),
        kinds=kinds_of(report),
        compared=", ".join(f"{kind}s" for kind in kinds_of(report)),
        short=short,
        groups=main_rows(report),
        covered=partly_covered(report),
        metrics=_metrics(report.routers),
        cost_title=notation.cost_title(report.cost_unit),
        verdict={"alpha": ALPHA, "min_prompts": MIN_PROMPTS, "smallest_gain": SMALLEST_GAIN},
        versions={"anabranch": version("anabranch"), "Vega-Lite": altair.SCHEMA_VERSION.lstrip("v")},
        fingerprint=fingerprint,
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
        specs=script_json(specs),
    )


def _cards(report: Report) -> list[Card]:
    fused = [] if report.fusion is None else [fusion_card(report, report.fusion)]
    return [*(verdict_card(report, one) for one in report.routers), *fused]


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; bundling them takes a second."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def script_json(data: Any) -> Markup:
    """JSON that can stand in a script element, whatever text it holds.

    >>> print(script_json({"text": "</script>"}))
    {"text":"\\u003c/script\\u003e"}
    """
    text = orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return Markup(text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
        "cost_interval": notation.cost_interval,
        "interval": notation.interval,
        "number": notation.number,
        "percent": notation.percent,
        "percent_interval": notation.percent_interval,
        "seconds": notation.seconds,
        "tally": _tally,
        "sortable": lambda value: repr(float(value)) if math.isfinite(value) else "",
    }
    return environment


def _metrics(routers: tuple[RouterResult, ...]) -> list[dict[str, Any]]:
    """A row a metric that any router has, with a cell a router."""
    names = list(dict.fromkeys(name for one in routers for name in one.metrics))
    return [{"term": term(name), "figures": [one.metrics.get(name) for one in routers]} for name in names]


def _tally(arms: Sequence[str], short: Mapping[str, str]) -> str:
    """Names of arms, with how often each is there if it is there again.

    >>> _tally(["acme/small", "acme/small", "large"], {"acme/small": "small", "large": "large"})
    'small × 2, large'
    """
    return ", ".join(short[arm] if times == 1 else f"{short[arm]} × {times}" for arm, times in Counter(arms).items())


def _policy(scripts: list[str]) -> str:
    """A content security policy under which only these scripts run; Vega compiles its expressions, hence eval."""
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-eval' {allowed}"
