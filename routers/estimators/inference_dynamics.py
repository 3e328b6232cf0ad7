"""What a prompt asks to know and to be able to do, and how every arm does on it."""

import torch
from torch import Tensor

from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.collected import Collected
from anabranch.routers.estimators.discovered import closeness, rank_weight
from anabranch.routers.estimators.estimator import Batch, ClosedForm, normalised
from anabranch.routers.estimators.kmeans import kmeans
from anabranch.routers.estimators.label_table import LabelTable
from anabranch.routers.estimators.task_classifier import TaskClassifier, task_labels


class InferenceDynamics(ClosedForm):
    """Weigh each arm's record on the prompt's knowledge and on its ranked capabilities (Shi et al. 2025).

    The published labels are written by a language model. Here knowledge is the task, read by a classifier, and the
    capabilities are the nearest clusters of training prompts, the nearest ranked first, at decay^rank.

    Args:
        width: D.
        arms: A.
        clusters: capabilities; fewer if there are fewer distinct prompts.
        ranks: capabilities a prompt has, at least 1.
        decay: weight of each rank against the one before.
        knowledge_share: weight of the knowledge record; the capability record has the rest.
        prior: prompts' worth of the overall mean mixed into every label.
        l2: strength of the task classifier's shrinkage.
        seed: of k-means.
    """

    source = "arXiv 2505.16303"
    specification = "secondary"
    centres: Tensor

    def __init__(
        self,
        width: int,
        arms: int,
        *,
        clusters: int = 32,
        ranks: int = 3,
        decay: float = 0.8,
        knowledge_share: float = 0.5,
        prior: float = 5.0,
        l2: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(width, arms)
        self.clusters = clusters
        self.ranks = ranks
        self.decay = decay
        self.knowledge_share = knowledge_share
        self.prior = prior
        self.seed = seed
        self.tasks = TaskClassifier(width, l2=l2)
        self.knowledge = LabelTable(2 * arms)  # quality, then usage
        self.capability = LabelTable(2 * arms)
        self._seen = Collected()
        self.register_buffer("centres", torch.zeros(1, width))

    def observe(self, batch: Batch) -> None:
        """Keep the batch."""
        self._seen.add(batch)

    def finalise(self) -> None:
        """Find the labels and average the outcomes of each."""
        whole = self._seen.stack()
        unit = normalised(whole.embedding)
        values = torch.cat([whole.quality, whole.usage], dim=1)  # (N, 2A)
        self.tasks.fit(whole.embedding, whole.task)
        self.knowledge.set(task_labels(whole.task), values, self.prior)
        self.centres = kmeans(unit, self.clusters, self.seed)
        # ranking compares all pairs of clusters, which for all prompts at once would be large
        capabilities = torch.cat([self._capabilities(part) for part in torch.split(unit, 4096)])
        self.capability.set(capabilities, values, self.prior)

    def forward(self, embedding: Tensor, tradeoff: Tensor | None = None) -> Estimates[Tensor]:
        """See `Estimator.forward`; spread is unknown."""
        knowledge = self.knowledge(self.tasks(embedding))
        capability = self.capability(self._capabilities(normalised(embedding)))
        cells = self.knowledge_share * knowledge + (1 - self.knowledge_share) * capability  # (B, 2A)
        quality = cells[:, : self.arms]
        return Estimates(quality, cells[:, self.arms :], torch.zeros_like(quality))

    def _capabilities(self, unit: Tensor) -> Tensor:
        """Weights of the capabilities, rows sum to 1; (B, D) -> (B, K)."""
        return rank_weight(closeness(unit, self.centres), self.ranks, self.decay)
