import pytest
import torch

from anabranch.routers.estimators.embedding_noise import EmbeddingNoise


def noise(deviation: float, seed: int = 0) -> EmbeddingNoise:
    return EmbeddingNoise(deviation, torch.Generator().manual_seed(seed)).train()


def test_noise_has_its_deviation_around_the_embedding() -> None:
    """Of 40,000 draws the mean errs by 0.3 / 200 = 0.0015, the deviation by 0.3 / sqrt(80,000) = 0.0011."""
    found = noise(0.3)(torch.full((100, 400), 2.0))
    assert found.mean().item() == pytest.approx(2.0, abs=0.008)
    assert found.std().item() == pytest.approx(0.3, abs=0.006)


def test_every_step_draws_anew_and_a_seed_draws_the_same() -> None:
    one, same, other = noise(0.3), noise(0.3), noise(0.3, seed=1)
    embedding = torch.zeros(2, 3)
    first = one(embedding)
    assert first.equal(same(embedding))
    assert not first.equal(one(embedding)) and not first.equal(other(embedding))
    assert embedding.equal(torch.zeros(2, 3))


@pytest.mark.parametrize("module", [noise(0.3).eval(), noise(0.0)], ids=["not in training", "no deviation"])
def test_otherwise_nothing_is_added(module: EmbeddingNoise) -> None:
    embedding = torch.ones(2, 3)
    assert module(embedding).equal(embedding)
