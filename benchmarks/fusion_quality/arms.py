"""What is compared, and the one comparison that was named before any of it was run."""

from anabranch.registry import resolve
from anabranch.serving.fusion.during.gac import GaC
from anabranch.serving.fusion.during.packllm import PackLLM
from anabranch.serving.fusion.during.registry import FUSIONS
from anabranch.serving.fusion.during.step import Step

NAMED = "gac"
"""The comparison: the accuracy of this method, with equal weights, of the two models that are best on the training
prompts, less that of the better one of the two alone. Second, and named as well: less that of the router."""

ENSEMBLES = (2, 3)
"""How many models write together: those that are best on the training prompts."""

TRAIN, TEST, SEED = 2000, 2000, 22
ROUTER = "stack"  # what `train auto` builds
MAX_TOKENS = 64  # the pocket pool's own limit
VOTERS = 3


def methods() -> dict[str, Step]:
    """Every method with its defaults, and two that the specification has in two forms."""
    found: dict[str, Step] = {name: resolve(name, FUSIONS, "fusion method")() for name in FUSIONS}
    found["gac, threshold 0.9"] = GaC(threshold=0.9)
    found["packllm, opt"] = PackLLM(how="opt")
    return dict(sorted(found.items()))
