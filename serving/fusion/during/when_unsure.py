"""One model writes, and asks the others where it is not sure."""

from collections.abc import Sequence

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added
from anabranch.serving.fusion.during.together import Merge, together


def when_unsure(
    primary: int, threshold: float, merge: Merge, ensemble: Ensemble, texts: Sequence[Text]
) -> list[tuple[Added, ...]]:
    """What one model adds to n texts, and all together to those of which it is not sure.

    The others compute nothing meanwhile, and read all that they missed at once when they are asked.

    Args:
        primary: place of the model that writes.
        threshold: probability of its likeliest token above which it is sure.
        merge: of what all say.
        ensemble: and the rest: as in `Step`.
        texts: n.
    """
    said = ensemble.ask(primary, texts)
    sure = (said.amax(dim=1).exp() > threshold).tolist()
    alone_at = [place for place, one in enumerate(sure) if one]
    asked_at = [place for place, one in enumerate(sure) if not one]
    found: dict[int, tuple[Added, ...]] = {}
    if alone_at:
        mine = alone(ensemble, primary, said[alone_at], [texts[place] for place in alone_at])
        found |= zip(alone_at, mine, strict=True)
    if asked_at:
        found |= zip(asked_at, together(merge, ensemble, [texts[place] for place in asked_at]), strict=True)
    return [found[place] for place in range(len(texts))]
