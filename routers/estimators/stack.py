"""A weighted mean of closed-form routers, with care on prompts unlike those of training."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected, known_mean
from anabranch.routers.estimators.estimator import Batch, ClosedForm, Estimator, normalised
from anabranch.routers.estimators.familiarity import Familiarity, familiar, limits_of
from anabranch.routers.estimators.hedge import Hedge, Rung, ladder_of, significantly_worse
from anabranch.routers.estimators.stacking import contrasts, stacking_weights
from anabranch.routers.recipe import recipe_of

Member = Mapping[str, Any]

MEMBERS: tuple[Member, ...] = (
    {"recipe": "logistic", "l2": 1.0},
    {"recipe": "knn", "k": 80},
    {"recipe": "knn", "k": 160},
    {"recipe": "cluster", "clusters": 32},
    {"recipe": "kernel-ridge", "reach": 0.6, "l2": 3.0},
    {"recipe": "kernel-ridge", "reach": 0.6, "l2": 10.0, "prior": "tasks"},
    {"recipe": "bench-coe", "kind": "subject"},
)
"""Members that differ in what they assume; a setting is a member of its own, and the weights choose."""

FEWEST = 50  # distinct prompts below which the averages answer
FOLDS = 5
MOST_GROUPS = 10  # of tasks left out
SHRINKAGE = 0.1


class Unseen(NamedTuple):
    """What is said of N prompts by members that were trained without them.

    Attributes:
        quality: float32 [M, N, A].
        usage: float32 [M, N, A].
        distance: float32 [N], see `Familiarity`.
        mean: float32 [N, A], the arms' averages over the other prompts.
    """

    quality: Tensor
    usage: Tensor
    distance: Tensor
    mean: Tensor


class Stack(ClosedForm):
    """Weigh routers by how well they tell arms apart on prompts they had not seen, and trust them near those (ours).

    The weights are non-negative least squares on cross-fitted contrasts between arms. On prompts unlike those of
    training (`Familiarity`) the mean falls back to the arms' averages and demands more of any arm but the best of them
    (`Hedge`): as little as leaves no left-out task significantly worse than the best single arm.

    Args:
        width: D.
        arms: A.
        members: recipes and their settings, closed forms that predict quality, e.g. {"recipe": "knn", "k": 80}.
        seed: of the folds.
    """

    holds_prompts = True
    source = "stacked regressions, Breiman 1996; contrasts and hedge are ours"
    specification = "ours"
    weight: Tensor
    usage_weight: Tensor
    usage_mean: Tensor

    def __init__(self, width: int, arms: int, *, members: Sequence[Member] = MEMBERS, seed: int = 0) -> None:
        super().__init__(width, arms)
        self.recipes = tuple(dict(member) for member in members)
        self.seed = seed
        self.members = nn.ModuleList(self._untrained())
        self.familiarity = Familiarity(width)
        self.hedge = Hedge(arms)
        self._seen = Collected()
        self.register_buffer("weight", torch.zeros(len(self.recipes)))
        self.register_buffer("usage_weight", torch.zeros(len(self.recipes)))
        self.register_buffer("usage_mean", torch.zeros(arms))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Weigh the members, choose how careful to be, then train the members on everything."""
        whole = self._seen.stack()
        self.usage_mean = known_mean(whole.usage)
        rung = ladder_of(self.arms, 1)[0]
        distinct = _distinct(whole.embedding)
        if int(distinct.max()) + 1 >= FEWEST:
            unseen = self._cross_fit(whole, _random_folds(distinct, self.seed))
            self.weight = weights_of(contrasts(unseen.quality), contrasts(unseen.mean), contrasts(whole.quality))
            scale = self.usage_mean.clamp(min=1e-12)
            usual = self.usage_mean.expand_as(whole.usage) / scale
            self.usage_weight = weights_of(unseen.usage / scale, usual, whole.usage / scale)
            rung = self._caution(whole, unseen.distance)
            self.familiarity.limits = limits_of(unseen.distance, rung.near, rung.far)
        self.hedge.set(known_mean(whole.quality), rung)
        self._train(self.members, self.familiarity, whole)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        said = [member(embedding) for member in self.members]
        departure = sum(w * (each.quality - self.hedge.mean) for w, each in zip(self.weight, said, strict=True))
        quality = self.hedge(departure, self.familiarity(normalised(embedding)))
        beyond = sum(w * (each.usage - self.usage_mean) for w, each in zip(self.usage_weight, said, strict=True))
        return Estimates(quality, (self.usage_mean + beyond).clamp(min=0.0), torch.zeros_like(quality))

    def _caution(self, whole: Batch, distance: Tensor) -> Rung:
        """The lowest rung at which no left-out task is significantly worse than the best single arm of the others."""
        groups = _task_groups(whole.task, self.seed)
        tasks = int(groups.max()) + 1
        ladder = ladder_of(self.arms, tasks)
        if tasks == 1:
            return ladder[0]
        unseen = self._cross_fit(whole, groups)
        hedge = Hedge(self.arms)
        for rung in ladder:
            trust = familiar(unseen.distance, limits_of(distance, rung.near, rung.far))
            gains = []
            for group in range(tasks):
                rows = groups == group
                hedge.set(unseen.mean[rows][0], rung)
                departure = torch.einsum("m,mna->na", self.weight, unseen.quality[:, rows] - unseen.mean[rows])
                gains.append(_gain(hedge(departure, trust[rows]), whole.quality[rows], hedge.default))
            if not significantly_worse(gains):
                return rung
        return ladder[-1]

    def _cross_fit(self, whole: Batch, folds: Tensor) -> Unseen:
        """Leave out one fold after another; folds int64 [N]."""
        quality = torch.zeros(len(self.recipes), *whole.quality.shape)
        unseen = Unseen(quality, torch.zeros_like(quality), torch.zeros(len(folds)), torch.zeros_like(whole.quality))
        for fold in range(int(folds.max()) + 1):
            out = folds == fold
            members, familiarity = self._untrained(), Familiarity(self.width)
            rest = Batch(*(part[~out] for part in whole))._replace(row=torch.arange(int((~out).sum())))
            self._train(members, familiarity, rest)
            for number, member in enumerate(members):
                said = member(whole.embedding[out])
                unseen.quality[number, out], unseen.usage[number, out] = said.quality, said.usage
            unseen.distance[out] = familiarity.distance(normalised(whole.embedding[out]))
            unseen.mean[out] = known_mean(rest.quality)
        return unseen

    def _train(self, members: Iterable[nn.Module], familiarity: Familiarity, batch: Batch) -> None:
        for member in members:
            assert isinstance(member, Estimator)
            member.observe(batch)
            member.finalise()
            member.eval()
        familiarity.fit(normalised(batch.embedding), self.seed)

    def _untrained(self) -> list[Estimator]:
        made: list[Estimator] = []
        for member in self.recipes:
            settings = {key: value for key, value in member.items() if key != "recipe"}
            estimator = recipe_of(member["recipe"], settings).build(self.width, self.arms)
            if not isinstance(estimator, ClosedForm) or estimator.quality_kind != "calibrated":
                raise ValueError(
                    f"{member['recipe']!r} cannot be stacked: a member is a closed form that predicts quality"
                )
            made.append(estimator)
        return made


def weights_of(said: Tensor, usual: Tensor, observed: Tensor) -> Tensor:
    """Weights [M] of what members say beyond the usual: float [M, N, A], [N, A], [N, A]; all 0 if nothing is known."""
    return stacking_weights(said - usual, observed - usual, SHRINKAGE).float()


def _gain(quality: Tensor, observed: Tensor, default: Tensor) -> Tensor:
    """Quality of the estimated best arm less that of the default arm, where both are known; (n, A) -> (k,)."""
    chosen = observed.gather(1, quality.argmax(dim=1, keepdim=True)).squeeze(1)
    gain = chosen - observed[:, int(default.argmax())]
    return gain[~gain.isnan()]


def _distinct(embedding: Tensor) -> Tensor:
    """Which of the distinct embeddings, to two digits, each row (N, D) is; int64 [N]."""
    number: Tensor = torch.unique((100 * embedding).round(), dim=0, return_inverse=True)[1]
    return number


def _random_folds(distinct: Tensor, seed: int) -> Tensor:
    """A fold a prompt, int64 [N]; prompts of one embedding share theirs, as one would tell of the other."""
    order = torch.randperm(int(distinct.max()) + 1, generator=torch.Generator().manual_seed(seed))
    return (order % FOLDS)[distinct]


def _task_groups(task: Tensor, seed: int) -> Tensor:
    """Tasks in at most ten groups, int64 [N]; prompts of unknown task are one task."""
    names, number = torch.unique(task, return_inverse=True)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    return (order % MOST_GROUPS)[number]
