"""What the scalar metrics of a report mean, in a line each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A metric for people.

    Args:
        label: what it is called.
        meaning: one sentence.
        better: higher, lower, or empty where neither is.
    """

    label: str
    meaning: str
    better: str


_TERMS = {
    "aiq": Term("AIQ", "Mean height of its cost-quality hull from the cheapest to the dearest model.", "higher"),
    "aiq_of_mix": Term("AIQ of the mix", "The same for the best mix of single models: what must be beaten.", ""),
    "aiq_gain": Term("AIQ gain", "AIQ minus that of the mix.", "higher"),
    "audc": Term("AUDC", "Area under the deferral curve, divided by its width.", "higher"),
    "qnc": Term("QNC", "Cost to match the best single model, as a share of that model's cost; ∞ is never.", "lower"),
    "peak": Term("Peak quality", "Highest mean quality along the knob, chosen on these prompts: optimistic.", "higher"),
    "oracle_gap": Term("Gap to the oracle", "Mean quality of the oracle minus the router's, relative.", "lower"),
    "macro_quality": Term("Quality, tasks alike", "Mean of the tasks' mean qualities.", "higher"),
    "hit_rate": Term("Hit rate", "Share of prompts on which no other model would have done better.", "higher"),
    "regret": Term("Regret", "Mean quality left behind against the best model of each prompt.", "lower"),
    "selection_entropy": Term("Selection entropy", "Bits; 0 if one model gets everything.", ""),
    "router_arena": Term("RouterArena score", "Accuracy and log-cost joined by a weighted harmonic mean.", "higher"),
    "collapse": Term("Routing collapse", "Share of prompts answered wrongly or needlessly by the dearest.", "lower"),
    "brier": Term("Brier score", "Mean squared error of the estimated quality.", "lower"),
    "ece": Term("ECE", "Mean distance of estimated from observed quality, in bins.", "lower"),
    "log_loss": Term("Log-loss", "Negative log-likelihood of the estimated quality.", "lower"),
    "auroc": Term("AUROC", "How well the estimates tell good answers from bad ones; 0.5 is chance.", "higher"),
}


def term(metric: str) -> Term:
    """What a metric means; one that is not known here keeps its own name.

    >>> term("aiq").label, term("my_metric").label
    ('AIQ', 'my metric')
    """
    return _TERMS.get(metric, Term(metric.replace("_", " "), "", ""))
