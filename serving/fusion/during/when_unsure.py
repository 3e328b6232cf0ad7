"""One model writes, and asks the others where it is not sure."""

from collections.abc import Sequence

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added
from anabranch.serving.fusion.during.together import Merge, together


def when_unsure(
    primary: int, threshold: float, merge: Merge, ensemble: Ensemble, texts: Sequence[Text]
) -> list[tuple[Added, ...]]:
    """What one model adds to n texts, and all together to those of which it is not sure, or has no weight in.

    The others compute nothing meanwhile, and read all that they missed at once when they are asked.

    Args:
        primary: place of the model that writes.
        threshold: probability of its likeliest token above which it is sure.
        merge: of what all say.
        ensemble: and the rest: as in `Step`.
        texts: n.
    """
    found: dict[int, tuple[Added, ...]] = {}
    own_at = [place for place, text in enumerate(texts) if text.weights[primary] > 0]
    if own_at:
        said = ensemble.ask(primary, [texts[place] for place in own_at])
        sure = said.amax(dim=1).exp() > threshold
        alone_at = [place for place, one in zip(own_at, sure.tolist(), strict=True) if one]
        mine = alone(ensemble, primary, said[sure], [texts[place] for place in alone_at]) if alone_at else []
        found |= zip(alone_at, mine, strict=True)
    asked_at = [place for place in range(len(texts)) if place not in found]
    if asked_at:
        found |= zip(asked_at, together(merge, ensemble, [texts[place] for place in asked_at]), strict=True)
    return [found[place] for place in range(len(texts))]
