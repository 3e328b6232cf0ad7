"""The gain from the next model by a small network on what is seen of an answer, trained with Lightning."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from anabranch.routers.deferral.network_signal import NetworkSignal
from anabranch.routers.estimators.estimator import Descent
from anabranch.routers.policies.draws import draws
from anabranch.training.data_module import RouterData
from anabranch.training.replay.gain_networks import GainBatch, GainNetworks, Loss
from anabranch.training.replay.lessons import Bools, Floats, Lessons, scales_of
from anabranch.training.replay.lit_gain import BestOfEach, GainExamples, LitGain
from anabranch.training.replay.post_hoc import folds_of
from anabranch.training.trainer import TrainerOptions, run_trainer

HELD_OUT = 6  # one in so many prompts chooses the epoch
_DESCENT = Descent(epochs=60, batch_size=64, learning_rate=1e-2, max_steps=600)


@dataclass(frozen=True)
class NetworkGain:
    """One hidden layer on standardised features; of the prompts that teach, about one in six chooses the epoch.

    Args:
        loss: "squared" learns the gain; "cross-entropy" whether there is any, and the signal is a logit.
        hidden: units of the hidden layer.
        descent: how to descend.
    """

    loss: Loss = "squared"
    hidden: int = 16
    descent: Descent = _DESCENT

    def __call__(self, lessons: Lessons, taught: Bools, seed: int = 0) -> tuple[NetworkSignal, ...]:
        """See `LearnGain`; all networks are trained at once, and the caller's random state is left as it was."""
        # in an order that is the answers' own: any order of prompts teaches the same
        order = np.lexsort((lessons.gain, *lessons.features.T, draws(lessons.text.tolist(), seed)))
        networks = self._trained(lessons.take(order), taught[:, order], seed)
        return tuple(networks.signal(each, lessons.signals, lessons.estimates) for each in range(len(taught)))

    def _trained(self, lessons: Lessons, taught: Bools, seed: int) -> GainNetworks:
        teaches, chooses = _weights(lessons, taught, seed)
        cells = (lessons.features, lessons.gain, teaches.T, chooses.T)
        batch = GainBatch(*(torch.from_numpy(cell).float() for cell in cells))
        scales = np.array([scales_of(lessons.features, weight) for weight in teaches])  # (K, 2, F)
        with torch.random.fork_rng(devices=[]), TemporaryDirectory() as folder:
            torch.manual_seed(seed)
            networks = GainNetworks(len(taught), lessons.features.shape[1], self.hidden, self.loss)
            networks.start(torch.from_numpy(scales[:, 0]), torch.from_numpy(scales[:, 1]), batch)
            data = RouterData(*[GainExamples(batch)] * 2, batch_size=self.descent.batch_size, seed=seed)
            options = TrainerOptions(Path(folder), seed, "disabled", progress=False)
            epochs = 1 + self.descent.passes(len(lessons.gain))
            run_trainer(LitGain(networks, self.descent), data, options, epochs, BestOfEach())
        return networks


def _weights(lessons: Lessons, taught: Bools, seed: int) -> tuple[Floats, Floats]:
    """Of each answer in what teaches each of K networks, and in what chooses its epoch, [K, C] both."""
    held_out = _held_out(lessons.text.tolist(), seed)
    teaches, chooses = taught & ~held_out, taught & held_out
    # where nothing would be left for one of the two, all do both
    enough = teaches.any(axis=1, keepdims=True) & chooses.any(axis=1, keepdims=True)
    return np.where(enough, teaches, taught) * lessons.weight, np.where(enough, chooses, taught) * lessons.weight


def _held_out(texts: list[str], seed: int) -> Bools:
    parts = min(HELD_OUT, len(set(texts)))
    if parts == 1:
        return np.zeros(len(texts), bool)
    # by another seed than the folds', whose parts would hold out whole folds
    return np.asarray(folds_of(texts, parts, seed + 1) == 0)
