"""A graph of tasks, prompts and arms."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import ArmMean, Collected
from anabranch.routers.estimators.edge_sums import MaskedEdges, averages, edge_sums
from anabranch.routers.estimators.estimator import Batch, Descent, GradientTrained
from anabranch.routers.estimators.losses import masked_bce
from anabranch.routers.estimators.reward import best_arms, require_usage, reward
from anabranch.routers.estimators.task_classifier import TaskClassifier, task_labels

EDGE_FEATURES = 2  # quality, and usage in units of the priciest arm's mean


class GraphRouter(GradientTrained):
    """Let arms hear from the training prompts they answered, and predict the edges of new prompts (Feng et al. 2025).

    A prompt's node is its own projection beside that of its task. A new prompt's task is unknown, so a classifier's
    expected task stands in, in training too. A task is described by the mean embedding of its prompts, an arm by a
    learnt row. Messages go from prompts to arms only and are linear, so their mean needs no more than one average an
    arm: the arms' states are constants of the exported graph.

    Args:
        width: D.
        arms: A.
        hidden: H; nodes have twice that width, half of it for the task.
        layers: rounds in which arms hear.
        mask_rate: share of training edges that each step hides, besides those it predicts.
        groups: of edges, hidden or shown together.
        cost_weight: what a cost of the priciest arm's mean takes away from quality in the label.
        l2: strength of the task classifier's shrinkage.
        seed: of arms and masks.
    """

    quality_kind = "score"
    source = "arXiv 2410.03834"
    specification = "code"
    descent = Descent(learning_rate=3e-3)
    centroids: Tensor
    heard: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        hidden: int = 64,
        layers: int = 2,
        mask_rate: float = 0.5,
        groups: int = 32,
        cost_weight: float = 0.0,
        l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.mask_rate = mask_rate
        self.groups = groups
        self.cost_weight = cost_weight
        self._draws = torch.Generator().manual_seed(seed)
        self.tasks = TaskClassifier(width, l2=l2)
        self.task = nn.Linear(width, hidden)
        self.prompt = nn.Linear(width, hidden)
        self.arm = nn.Parameter(torch.randn(arms, 2 * hidden, generator=self._draws))
        self.hear = nn.ModuleList(ArmUpdate(2 * hidden, EDGE_FEATURES) for _ in range(layers))
        self.usage = ArmMean(arms)
        self.register_buffer("centroids", torch.zeros(1, width))  # of tasks
        self.register_buffer("heard", torch.zeros(arms, 2 * width + EDGE_FEATURES))  # an arm's average edge
        self._seen = Collected()
        self._edges: MaskedEdges | None = None  # needed in training only

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Learn the tasks, and add up the edges of each arm.

        Raises:
            ValueError: costs weigh something and some arm's usage is unknown.
        """
        whole = self._seen.stack()
        self.usage.set(whole.usage)
        require_usage(self.usage.mean, self.cost_weight, "graph-router")
        self.tasks.fit(whole.embedding, whole.task)
        label = task_labels(whole.task)  # (N, T)
        self.centroids = label.T @ whole.embedding / label.sum(dim=0).clamp(min=1.0).unsqueeze(1)
        prompt, edge, known = self._described(whole.embedding), self._edge(whole), ~whole.quality.isnan()
        self._edges = MaskedEdges(prompt, edge, known, self.groups, self._draws)
        self.heard = averages(edge_sums(prompt, edge, known))

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; quality is the chance of being the prompt's best arm, spread is unknown."""
        score = self._logits(self._described(embedding), self.heard).sigmoid()
        return Estimates(score, self.usage(embedding), torch.zeros_like(score))

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy against the arms of best reward; a step sees no edge that it predicts."""
        value = reward(batch.quality, batch.usage, self.usage.mean.max(), self.cost_weight)
        prompt = self._described(batch.embedding)
        heard = self._masked(batch, prompt) if self.training else self.heard
        return masked_bce(self._logits(prompt, heard), best_arms(value).masked_fill(value.isnan(), torch.nan))

    def _described(self, embedding: Tensor) -> Tensor:
        """The expected task's centroid, then the prompt itself; (B, D) -> (B, 2D)."""
        return torch.cat([self.tasks(embedding) @ self.centroids, embedding], dim=1)

    def _edge(self, batch: Batch) -> Tensor:
        """Features of the edges; unknown usage counts as the arm's mean, and as 0 if that is unknown. (B, A, 2)."""
        mean = self.usage.mean.nan_to_num(0.0)
        usage = torch.where(batch.usage.isnan(), mean, batch.usage) / mean.max().clamp(min=1e-12)
        return torch.stack([batch.quality.nan_to_num(0.0), usage], dim=2)

    def _masked(self, batch: Batch, prompt: Tensor) -> Tensor:
        """Average edges of the arms as one step sees them, (A, 2D + 2)."""
        assert self._edges is not None
        kept = torch.rand(self.groups, generator=self._draws) >= self.mask_rate
        return self._edges.visible(batch.row, prompt, self._edge(batch), ~batch.quality.isnan(), kept)

    def _logits(self, prompt: Tensor, heard: Tensor) -> Tensor:
        """Edge logits of described prompts (B, 2D) given average edges (A, 2D + 2) -> (B, A)."""
        said = heard[:, 2 * self.width :]
        state, node = self.arm, self._node(heard[:, : 2 * self.width])
        for number, hear in enumerate(self.hear):
            state = hear(state if number == 0 else state.relu(), node, said)
        return self._node(prompt) @ state.T / state.shape[1]

    def _node(self, prompt: Tensor) -> Tensor:
        """Projections of task and prompt; linear, so the node of an average is the average node. (B, 2D) -> (B, 2H)."""
        return torch.cat([self.task(prompt[:, : self.width]), self.prompt(prompt[:, self.width :])], dim=1)


class ArmUpdate(nn.Module):
    """An arm's next state from its own and its average edge, normalised arm by arm, so that a pool of one works.

    Args:
        width: of nodes.
        edge: features of an edge.
    """

    def __init__(self, width: int, edge: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.prompt = nn.Linear(width, width, bias=False)
        self.edge = nn.Linear(edge, width, bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, state: Tensor, prompt: Tensor, edge: Tensor) -> Tensor:
        """States (A, W), average nodes heard (A, W) and average edge features (A, E) -> (A, W)."""
        after: Tensor = self.norm(self.own(state) + self.prompt(prompt) + self.edge(edge))
        return after
