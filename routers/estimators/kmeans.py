"""Clusters of training prompts."""

import torch
from sklearn.cluster import KMeans
from torch import Tensor


def kmeans(embedding: Tensor, clusters: int, seed: int) -> Tensor:
    """Centres of the k-means clustering of unit rows; (N, D) -> (K, D), K at most the number of distinct rows."""
    count = min(clusters, len(torch.unique(embedding, dim=0)))
    fitted = KMeans(count, n_init=4, random_state=seed).fit(embedding.double().numpy())
    return torch.tensor(fitted.cluster_centers_, dtype=torch.float32)
