"""anabranch data reprice"""

from pathlib import Path

from anabranch.commands.answer import Answer
from anabranch.data.labelset import read_labels, write_labels
from anabranch.data.prices import read_prices
from anabranch.data.reprice import reprice as reprice_labels


def reprice(labels: Path, *, prices: Path, out: Path) -> Answer:
    """Recompute cost_usd from tokens at other prices.

    Args:
        labels: label-set folder.
        prices: price table in LiteLLM's format; a model it does not name is an error.
        out: label-set folder to write.
    """
    table = read_prices(prices)
    write_labels(reprice_labels(read_labels(labels), table), out)
    return Answer(f"wrote {out} at prices of {table.date}", {"out": str(out), "price_date": table.date})
