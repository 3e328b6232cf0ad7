"""A world whose overconfidence is known by hand."""

import math

import torch
from torch import Tensor

FACTOR = 4.0
LOGIT = FACTOR * math.log(3)


def four_times_too_sure() -> tuple[Tensor, Tensor]:
    """Estimates (196, 1) and outcomes: 98 at log odds 4 ln 3, of which 74 are right, 98 at -4 ln 3, of which 24 are.

    98 of the 196 are right, so Platt's targets are 99/100 and 1/100, and their mean is
    (74 * 99 + 24 * 1) / 9800 = 3/4 above and 1/4 below: log odds of ln 3 and -ln 3, a quarter of what was said.
    """
    logits = torch.tensor([LOGIT] * 98 + [-LOGIT] * 98).unsqueeze(1)
    right = torch.tensor([1.0] * 74 + [0.0] * 24 + [1.0] * 24 + [0.0] * 74).unsqueeze(1)
    return logits.sigmoid(), right
