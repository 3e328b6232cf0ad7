"""FrugalGPT's search: which models to chain, in which order, and when each answer will do, under a budget.

Chen, Zaharia and Zou 2023, arXiv 2305.05176. How sure an answer looks is a signal of the table, learnt elsewhere and on
other prompts. Unlike the authors' code it tries chains of every length up to the depth, lets thresholds be any, and
chooses between chains by prompts that their thresholds were not fitted on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, permutations
from math import perm

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.chain_fit import Fitted, fit_thresholds, least_cost
from anabranch.training.replay.chain_replay import Calls, ChainOutcomes, recorded_calls, stages, sweep
from anabranch.training.replay.two_stage import Infeasible, best_within, refuse_gaps

Models = tuple[int, ...]
Folds = NDArray[np.int64]

FEW_CHAINS = 128
FINALISTS = 8
GROWN = 24
SCREEN_PROMPTS = 4_000
SCREEN_CELLS = 2**18
FOLD_CELLS = 2**22
DIGITS = 12


@dataclass(frozen=True)
class ChainScore:
    """A chain on prompts that its thresholds were not fitted on, fold by fold.

    Args:
        models: numbers of the models, in the order of calls.
        quality: mean over prompts.
        cost_usd: mean over prompts; may miss the budget a little, as these prompts did not choose the thresholds.
    """

    models: Models
    quality: float
    cost_usd: float


@dataclass(frozen=True)
class FrugalFit:
    """The chain that was chosen, with thresholds from all prompts.

    Args:
        policy: the chain.
        quality: mean over the prompts of the fit, optimistic.
        cost_usd: mean over the prompts of the fit; keeps to the budget.
        scores: chains that came into the last choice, best first; the first is the one chosen. Its score is the best
            of several, and so a little optimistic too.
    """

    policy: ThresholdChain
    quality: float
    cost_usd: float
    scores: tuple[ChainScore, ...]


def fit_frugal(
    table: ReplayTable,
    signal: str,
    budget_usd: float,
    *,
    depth: int = 3,
    models: Sequence[int] | None = None,
    folds: int | ArrayLike = 5,
    seed: int = 0,
) -> FrugalFit:
    """The best chain of at most `depth` models under a budget on mean cost.

    While there are at most 128 chains, all of them are cross-fitted. Beyond, each length is grown from the one before:
    one model is put into any place of one of the 24 best chains, as it is a frontier chain's habit that leaving a model
    out leaves a good chain; best is judged on at most 4,000 prompts and coarse thresholds, and the 8 best of each
    length are cross-fitted. Lengths with at most 128 chains are tried whole. A chain that breaks the budget at any
    thresholds is never tried, and one whose best thresholds never call its last model counts as the shorter chain that
    it is: neither loses anything.

    Args:
        table: N prompts with an answer of each model.
        signal: the name of the confidence.
        budget_usd: the most that a prompt may cost on average.
        depth: the most models in a chain.
        models: the numbers to choose from; all if None.
        folds: how many, drawn with the seed, or the number of each prompt's fold, [N]. Prompts that are nearly the same
            belong into one.
        seed: of the draws.

    Raises:
        Infeasible: the cheapest model costs more.
        NotReplayable: an answer is not recorded.
        ValueError: the signal, or a cost, is not known; or there are fewer than two folds.
    """
    pool = tuple(range(len(table.models))) if models is None else tuple(models)
    calls = recorded_calls(table, pool, signal, seed)
    refuse_gaps(calls.chain(range(len(pool))))
    fold = _fold_numbers(folds, len(table), seed)
    chains = _finalists(calls, budget_usd, min(depth, len(pool)), seed)
    if not chains:
        cost = calls.cost_usd.mean(axis=0)
        cheapest = table.models[pool[int(cost.argmin())]]
        raise Infeasible(f"budget {budget_usd:g} USD a prompt: the cheapest model, {cheapest!r}, costs {cost.min():g}")
    scores = sorted((_cross_fitted(calls, chain, budget_usd, fold) for chain in chains), key=_best_first)
    fitted = fit_thresholds(calls.chain(scores[0].models), budget_usd)
    named = tuple(replace(score, models=tuple(pool[place] for place in score.models)) for score in scores)
    policy = ThresholdChain(named[0].models, fitted.thresholds, signal)
    return FrugalFit(policy, fitted.quality, fitted.cost_usd, named)


def _finalists(calls: Calls, budget: float, depth: int, seed: int) -> list[Models]:
    """Chains that may be the best, as places in the pool; none if all cost too much."""
    pool, lengths = calls.quality.shape[1], range(1, depth + 1)
    counts = [perm(pool, length) for length in lengths]
    if sum(counts) <= FEW_CHAINS:
        return _affordable(calls, budget, chain.from_iterable(permutations(range(pool), length) for length in lengths))
    rows = np.random.default_rng(seed).permutation(len(calls))[:SCREEN_PROMPTS]
    best: list[Models] = [()]
    finalists: list[Models] = []
    for length, count in zip(lengths, counts, strict=True):
        longer = permutations(range(pool), length) if count <= FEW_CHAINS else _grown(best, pool)
        fits = {models: _screened(calls, models, budget, rows) for models in _affordable(calls, budget, longer)}
        whole = [models for models, fit in fits.items() if _reaches_its_end(calls.chain(models).take(rows), fit)]
        best = sorted(whole, key=lambda models: (-fits[models].quality, fits[models].cost_usd))[:GROWN]
        finalists += best[:FINALISTS]
    return finalists


def _affordable(calls: Calls, budget: float, chains: Iterable[Models]) -> list[Models]:
    """Those that keep to the budget at some thresholds."""

    def least(models: Models) -> NDArray[np.float64]:
        return np.array([least_cost(calls.chain(models))])

    return [models for models in chains if best_within(np.zeros(1), least(models), budget) is not None]


def _grown(chains: Iterable[Models], pool: int) -> Iterator[Models]:
    """Every chain that becomes one of these if some model is left out, once."""
    longer = {
        (*models[:place], model, *models[place:])
        for models in chains
        for model in range(pool)
        if model not in models
        for place in range(len(models) + 1)
    }
    yield from sorted(longer)


def _reaches_its_end(outcomes: ChainOutcomes, fit: Fitted) -> bool:
    """Does a prompt get to the last model? If none does, a shorter chain is the same."""
    last = outcomes.quality.shape[1] - 1
    return bool(stages(outcomes, np.array(fit.thresholds).reshape(1, -1)).max() == last)


def _screened(calls: Calls, models: Models, budget: float, rows: NDArray[np.int64]) -> Fitted:
    return _fitted(calls.chain(models).take(rows), budget, SCREEN_CELLS)


def _cross_fitted(calls: Calls, models: Models, budget: float, folds: Folds) -> ChainScore:
    """Each fold by thresholds from the others."""
    outcomes = calls.chain(models)
    quality, cost = np.zeros(2)
    for fold in np.unique(folds):
        held_out = folds == fold
        fitted = _fitted(outcomes.take(~held_out), budget, FOLD_CELLS)
        means = sweep(outcomes.take(held_out), np.array(fitted.thresholds).reshape(1, -1))
        quality += held_out.mean() * means.quality[0]
        cost += held_out.mean() * means.cost_usd[0]
    return ChainScore(models, float(quality), float(cost))


def _fitted(outcomes: ChainOutcomes, budget: float, most_cells: int) -> Fitted:
    """Under the budget, or as cheap as can be where these prompts happen to cost more."""
    return fit_thresholds(outcomes, max(budget, least_cost(outcomes)), most_cells=most_cells)


def _best_first(score: ChainScore) -> tuple[float, float, int]:
    """Better, then cheaper, then shorter; what differs by rounding is equal."""
    return -round(score.quality, DIGITS), score.cost_usd, len(score.models)


def _fold_numbers(folds: int | ArrayLike, prompts: int, seed: int) -> Folds:
    """The fold of each prompt, [N]."""
    number = np.asarray(folds, np.int64)
    if number.ndim == 0:
        number = np.random.default_rng(seed).permutation(prompts) % max(int(number), 1)
    if number.shape != (prompts,):
        raise ValueError(f"folds have shape {number.shape}; one number for each of {prompts} prompts is needed")
    if len(np.unique(number)) < 2:
        raise ValueError("all prompts are in one fold; at least two are needed to judge thresholds on other prompts")
    return number
