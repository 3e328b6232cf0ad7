"""What an engine writes, driven here turn by turn as its thread drives it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from anabranch.serving.fusion.during.engine import FusionEngine
from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.fused_order import FusedOrder
from anabranch.serving.fusion.during.step import Step
from anabranch.serving.fusion.during.symbols import Symbols
from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.local.completion import Completion
from anabranch.upstreams.local.pieces import Piece, joined
from anabranch.upstreams.local.sampling import Sampling
from anabranch.upstreams.local.token_model import TokenModel


@dataclass
class Written:
    """What was posted of one text."""

    posted: list[Piece | UpstreamError] = field(default_factory=list)

    @property
    def pieces(self) -> list[Piece]:
        return [piece for piece in self.posted if isinstance(piece, Piece)]

    @property
    def whole(self) -> Piece:
        return joined(self.pieces)

    @property
    def so_far(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def text(self) -> str:
        return self.whole.text

    @property
    def finish_reason(self) -> str:
        assert self.whole.end is not None
        return self.whole.end.finish_reason

    @property
    def computed(self) -> int:
        assert self.whole.end is not None
        return self.whole.end.completion_tokens


def order(
    models: int,
    max_tokens: int,
    *,
    weights: Sequence[float] = (),
    prompt: int = 0,
    sampling: Sampling | None = None,
    stops: tuple[str, ...] = (),
    top: int | None = None,
    prompts: tuple[tuple[int, ...], ...] = (),
) -> FusedOrder:
    shares = weights or [1] * models
    return FusedOrder(
        prompt=(prompt,),
        max_tokens=max_tokens,
        sampling=sampling or Sampling(),
        stops=stops,
        top=top,
        streams=True,
        prompts=prompts or ((prompt,),) * models,
        weights=tuple(share / sum(shares) for share in shares),
    )


class Desk:
    """An engine and the texts that were handed to it."""

    def __init__(self, models: Sequence[TokenModel], step: Step, capacity: int = 32, prefill_tokens: int = 512) -> None:
        self.ensemble = Ensemble.of(models)
        self.engine = FusionEngine(
            "mix", [*map(str, range(len(models)))], self.ensemble, step, capacity, None, prefill_tokens
        )
        self.waiting: deque[Completion] = deque()
        self.completions: list[Completion] = []

    def hand_in(self, wanted: FusedOrder) -> Written:
        written = Written()
        wanted = FusedOrder(**{**vars(wanted), "ends": frozenset({self.ensemble.union.end})})
        completion = Completion(wanted, Symbols(self.ensemble.union).decode, written.posted.append)
        self.completions.append(completion)
        self.waiting.append(completion)
        return written

    def turn(self) -> None:
        self.engine.turn(self.waiting)

    def finish(self) -> None:
        while self.waiting or not self.engine.idle:
            self.turn()


def write(models: Sequence[TokenModel], step: Step, wanted: Sequence[FusedOrder]) -> list[Written]:
    desk = Desk(models, step)
    found = [desk.hand_in(one) for one in wanted]
    desk.finish()
    return found
