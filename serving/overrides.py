"""What a client may set for one request beyond OpenAI's fields."""

from typing import Any

from anabranch.serving.fields import SHARE
from anabranch.serving.refused import Refused

TRADEOFF = "tradeoff"


def tradeoff_of(field: Any, header: str | None) -> float | None:
    """The trade-off wished for: by the body's field `anabranch`, else by the header `x-anabranch-tradeoff`.

    Raises:
        Refused: it is no number from 0 to 1, or the field holds something else.

    >>> tradeoff_of({"tradeoff": 0.4}, "0.9"), tradeoff_of(None, "0.9"), tradeoff_of(None, None)
    (0.4, 0.9, None)
    """
    if field is None:
        return None if header is None else _share(_number(header), "x-anabranch-tradeoff")
    if not isinstance(field, dict) or set(field) - {TRADEOFF}:
        raise Refused(400, f"anabranch must be an object with the field {TRADEOFF} and no other", param="anabranch")
    value = field.get(TRADEOFF)
    return None if value is None else _share(value, f"anabranch.{TRADEOFF}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _share(value: Any, name: str) -> float:
    if not SHARE.holds(value):
        raise Refused(400, f"{name} must be {SHARE.words}, 0 = cheapest, 1 = best", param=name)
    return float(value)
