"""What a neural cache is told before its stream begins."""

from dataclasses import dataclass

from anabranch.training.streams.registry import RULES


@dataclass(frozen=True)
class CacheSettings:
    """The settings of a neural cache; the defaults of `n_init`, `retrain_every` and `committee` are the paper's code's.

    Args:
        budget: calls of the large model, at most.
        length: queries that the stream will have; None if nobody knows, and then no call is forced and `h` is needed.
        rule: which queries to call, a key of `RULES`.
        h: the rule's threshold, see the rule; None sets it by a running quantile so that the budget lasts.
        n_init: the first so many queries are called.
        retrain_every: new lessons between two trainings of the student.
        committee: students that are kept, the present one among them.
        explore: chance that a query which the rule would not call is called all the same, so that the student's
            accuracy on such queries is known. Under the running quantile at most half of the calls that it can afford.
        window: queries that the running quantile looks back on.
        penalty: of the student's weights, see `fit_student`.
        seed: of the lots; at least 0 and below 2^64.

    Raises:
        ValueError: a number is out of its range, there is no such rule, or the rule needs `h` or `length`.
    """

    budget: int
    length: int | None = None
    rule: str = "margin"
    h: float | None = None
    n_init: int = 100
    retrain_every: int = 100
    committee: int = 5
    explore: float = 0.05
    window: int = 100
    penalty: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"budget": 0, "n_init": 0, "retrain_every": 1, "committee": 1, "window": 1, "seed": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {bound}")
        if self.length is not None and self.length < 1:
            raise ValueError(f"length is {self.length}; it must be at least 1, or None if nobody knows")
        if not 0 <= self.explore < 1:
            raise ValueError(f"explore is {self.explore}; it must be a chance below 1, such as 0.05")
        if not self.penalty > 0:
            raise ValueError(f"penalty is {self.penalty}; it must be above 0, or the student of few lessons has no end")
        if self.rule not in RULES:
            raise ValueError(f"unknown rule {self.rule!r}; known: {', '.join(RULES)}")
        if self.h is None and self.length is None and self.rule != "front-loading":
            raise ValueError(f"the rule {self.rule!r} needs a threshold h, or the stream's length to set one by")
