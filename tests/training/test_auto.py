from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from anabranch.commands.calibrate import calibrate
from anabranch.data.labelset import read_labels
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.run import Run, load_run
from anabranch.routers.run_splits import labelled_split, read_unseen, write_unseen
from anabranch.training.auto import Finding, auto, cross_validate, judge
from anabranch.training.fit import fit
from anabranch.training.prepared import costing_of
from anabranch.training.relearn import prepared_again
from tests.contract.worlds import World, cluster_world, matched_world, no_signal_world
from tests.training.conftest import LabelMaker

MEMBERS = ({"recipe": "ridge", "l2": 10.0}, {"recipe": "knn", "k": 20})
MEMORY = {"recipe": "knn", "k": 1, "weights": "uniform"}
"""Repeats the outcomes of the nearest prompt, so it knows every prompt that it saw."""


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    # finer curves and more draws cost seconds and change no word here
    monkeypatch.setattr("anabranch.training.auto.REPLICATES", 200)
    monkeypatch.setattr("anabranch.training.auto.KNOBS", 11)


def sizes(prompts: int) -> dict[str, int]:
    return {"train": prompts, "validation": 0, "test": 0}


def unseen_of(
    train: Outcomes, embedding: Floats, members: tuple[dict[str, Any], ...] = MEMBERS
) -> dict[str, Estimates[Floats]]:
    return cross_validate(train, costing_of(train, None), embedding, {"members": members})


def judged(
    train: Outcomes,
    embedding: Floats,
    members: tuple[dict[str, Any], ...] = MEMBERS,
    policy: str = "argmax-utility",
) -> Finding:
    unseen = unseen_of(train, embedding, members)
    return judge(train, unseen, costing_of(train, None), load_policy(policy, {}))


def finding_of(world: World, **options: Any) -> Finding:
    return judged(world.table, world.embedding, **options)


def trained(labels: Path, out: Path, **options: Any) -> tuple[Run, Finding]:
    plain: dict[str, Any] = {"encoder": "hashing", "tracker": "disabled", "progress": False}
    return auto(labels, out, {"members": MEMBERS}, **plain | options)


def random_labels(prompts: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Embeddings [N, 8] without an equal, and qualities [N, 3] that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=(prompts, 8)).astype(np.float32)
    return embedding, rng.integers(0, 2, (prompts, 3)).astype(np.float32)


def brier(said: Floats, seen: Floats) -> float:
    return float(((said - seen) ** 2).mean())


def test_clusters_are_routed() -> None:
    """Each arm is right with 0.9 in a quarter of the prompts, else with 0.4: 0.9 by the best policy, 0.525 without."""
    found = finding_of(cluster_world(0, width=8, sizes=sizes(200)))
    assert (found.word, found.prompts) == ("route", 200)
    assert found.candidates[0].quality.value > 0.8 > 0.65 > found.best_single[1]
    # three of the texts are there twice, and a router that reads text decides them alike
    assert found.candidates[0].gain.value == pytest.approx(
        found.candidates[0].quality.value - found.best_single[1], abs=0.016
    )


def test_clusters_with_costs_are_routed() -> None:
    """The last arm is always right at four times the price of the others, each of which is right in its quarter."""
    found = finding_of(matched_world(0, width=8, sizes=sizes(240)))
    assert found.word == "route"
    assert found.best_single[0] == "arm3"


def test_unequal_arms_without_signal_are_not_routed() -> None:
    """The best arm is 0.2 better than the next on every prompt, and nothing tells when it is not."""
    found = finding_of(no_signal_world(0, means=(0.8, 0.6, 0.5), width=8, sizes=sizes(200)))
    assert found.word != "route"
    assert found.best_single[0] == "arm0"
    assert found.best_single[1] == pytest.approx(0.8, abs=0.08)


@pytest.mark.slow
def test_no_signal_is_hardly_ever_taken_for_one() -> None:
    """A bound at 5 % is wrong about twice in 40; seven times or more has a chance of 0.3 %.

    Half the worlds know costs, which have no signal either; arms are equal in every third world.
    """
    words = []
    for seed in range(40):
        means = ((0.6, 0.6, 0.6), (0.6, 0.55, 0.5), (0.7, 0.4, 0.3))[seed % 3]
        world = no_signal_world(seed, means=means, width=8, sizes=sizes(160))
        cost = np.tile([3e-3, 2e-3, 1e-3], (160, 1)) if seed % 2 else None
        table = Outcomes.from_arrays(world.table.arms, world.table.quality, cost_usd=cost)
        words.append(judged(table, world.embedding).word)
    assert words.count("route") <= 6


def test_nobody_sees_the_prompt_it_estimates() -> None:
    """With random labels a neighbour is wrong half the time, and no estimate is better than the averages.

    Whoever remembers the prompt itself would have a Brier score of 0 here.
    """
    embedding, quality = random_labels(150)
    unseen = unseen_of(Outcomes.from_arrays(["a", "b", "c"], quality), embedding, (MEMORY, *MEMBERS))
    means = brier(np.broadcast_to(quality.mean(axis=0), quality.shape), quality)
    assert brier(unseen["knn k=1 weights=uniform"].quality, quality) == pytest.approx(0.5, abs=0.1)
    assert all(brier(said.quality, quality) > means - 0.005 for said in unseen.values())


@pytest.mark.parametrize("copied", [True, False])
def test_equal_prompts_share_a_fold(copied: bool) -> None:
    """Every prompt is there twice, outcomes included; if its copy were in another fold, that would tell all.

    The control gives the copies other texts, and they are told apart: the neighbour is then mostly the copy.
    """
    embedding, quality = random_labels(80)
    texts = [f"question {row if copied or half == 0 else row + 1000}" for half in range(2) for row in range(80)]
    table = Outcomes.from_arrays(["a", "b", "c"], np.tile(quality, (2, 1)), texts=texts)
    unseen = unseen_of(table, np.tile(embedding, (2, 1)), (MEMORY,))
    score = brier(unseen["knn k=1 weights=uniform"].quality, table.quality)
    assert (score > 0.4) == copied and (score < 0.25) != copied


def test_equal_texts_are_judged_by_their_own_outcomes() -> None:
    """Two rows of one text have one estimate; the quality of each choice is still its row's."""
    world = cluster_world(0, width=8, sizes=sizes(150))
    quality = np.concatenate([world.table.quality, 1 - world.table.quality[-1:]])
    embedding = np.concatenate([world.embedding, world.embedding[-1:]])
    texts = [f"question {row}" for row in [*range(150), 149]]
    table = Outcomes.from_arrays(world.table.arms, quality, texts=texts)
    unseen = unseen_of(table, embedding)
    for said in unseen.values():
        np.testing.assert_allclose(said.quality[-1], said.quality[-2], atol=1e-6)
    found = judge(table, unseen, costing_of(table, None), load_policy("argmax-utility", {}))
    chosen = unseen["stack"].quality.argmax(axis=1)
    assert found.candidates[0].quality.value == pytest.approx(quality[np.arange(151), chosen].mean(), abs=1e-6)


def test_every_member_is_shown_and_the_best_comes_first() -> None:
    world = cluster_world(1, width=8, sizes=sizes(150))
    found = finding_of(world, members=(MEMORY, {"recipe": "zero"}, *MEMBERS))
    names = [one.name for one in found.candidates]
    assert names[0] == "stack"
    assert sorted(names[1:]) == ["knn k=1 weights=uniform", "knn k=20", "ridge l2=10.0", "zero"]
    gains = [one.gain.value for one in found.candidates[1:]]
    assert gains == sorted(gains, reverse=True)
    assert names[-1] == "zero"


def test_brier_is_the_mean_square_over_what_is_known() -> None:
    """Off by 0.5 and 0.1 where known: (0.25 + 0.01) / 2, twice over in 100 prompts."""
    table = Outcomes.from_arrays(["a", "b"], [[1.0, 0.0], [np.nan, 0.0]] * 50)
    quality = np.tile(np.array([[0.5, 0.1], [0.9, 0.5]], np.float32), (50, 1))
    unseen = {"stack": Estimates(quality, np.full_like(quality, np.nan), np.zeros_like(quality))}
    found = judge(table, unseen, costing_of(table, None), load_policy("threshold-pair", {}))
    assert found.candidates[0].brier == pytest.approx((0.25 + 0.01 + 0.25) / 3)


def test_usage_is_estimated_where_there_are_costs() -> None:
    """Two arms of 1 and 3 mUSD on every prompt; what is unseen costs the same."""
    world = cluster_world(0, arms=2, width=8, sizes=sizes(120))
    table = Outcomes.from_arrays(["a", "b"], world.table.quality, cost_usd=np.tile([1e-3, 3e-3], (120, 1)))
    for said in unseen_of(table, world.embedding).values():
        np.testing.assert_allclose(said.usage, table.cost_usd, rtol=1e-3)
    assert judged(table, world.embedding).word == "route"


def test_two_arms_without_costs_are_a_pair() -> None:
    """A call of the better arm counts as the cost; unknown usage spoils nothing."""
    world = cluster_world(0, arms=2, width=8, sizes=sizes(150))
    assert all(np.isnan(said.usage).all() for said in unseen_of(world.table, world.embedding).values())
    assert finding_of(world, policy="threshold-pair").word == "route"


def test_the_run_is_a_stack_that_loads(make_labels: LabelMaker, tmp_path: Path) -> None:
    run, found = trained(make_labels(prompts=300), tmp_path / "run", seed=2)
    assert found.candidates[0].gain.value > 0
    assert (run.settings.recipe, run.settings.recipe_settings["seed"]) == ("stack", 2)
    assert found.prompts == run.provenance.prompts["train"]
    again = load_run(tmp_path / "run")
    texts = ["add plus total seven", "moon song river dusk", ""]
    for one, other in zip(run.router("a").estimate(texts, None), again.router("b").estimate(texts, None), strict=True):
        assert np.array_equal(one, other)
    router = again.router("r")
    assert [router.arms[arm] for arm in router.decide(texts[:2], 0.7).arm] == ["adder", "poet"]


def test_every_prompt_outside_the_test_trains_and_unseen_estimates_set_the_knob(
    make_labels: LabelMaker, tmp_path: Path
) -> None:
    """A stack of one that repeats its neighbour's outcome is right about every prompt that trained it.

    Calibrated on its own estimates, the floor would be met with the quality of the oracle.
    """
    labels, out = make_labels(prompts=300, noise=0.2), tmp_path / "run"
    run, _ = auto(labels, out, {"members": [MEMORY]}, encoder="hashing", tracker="disabled", progress=False)
    splits = orjson.loads((out / "splits.json").read_bytes())
    assert splits["train"] == splits["validation"] and len(splits["train"]) + len(splits["test"]) == 300
    train = labelled_split(out, "validation", read_labels(labels), run.settings.arms)
    said = read_unseen(out)
    assert said is not None and said.quality.shape == train.quality.shape
    oracle = float(np.nanmax(train.quality, axis=1).mean())
    seen = run.router("r").decide(train.texts, 1.0).arm
    assert float(train.quality[np.arange(len(train)), seen].mean()) > oracle - 0.02
    assert calibrate(out, labels=labels, target="best-single").data["quality"] < oracle - 0.1


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"policy": "risk-controlled", "target": "risk=0.1"}, "a risk can be promised only on prompts"),
        ({"calibration": "platt"}, "calibration 'platt' can be fitted only on prompts"),
    ],
)
def test_what_needs_prompts_held_out_is_refused(
    make_labels: LabelMaker, tmp_path: Path, option: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        trained(make_labels(), tmp_path / "run", **option)
    assert not (tmp_path / "run").exists()


def test_what_an_interrupted_auto_left_is_not_read(make_labels: LabelMaker, tmp_path: Path) -> None:
    """A folder without run.json is free; estimates of other routers must not calibrate the one that comes next."""
    labels, out = make_labels(), tmp_path / "run"
    out.mkdir()
    nothing = np.zeros((3, 3), np.float32)
    write_unseen(out, Estimates(nothing, nothing, nothing))
    fit(labels, out, "ridge", encoder="hashing", tracker="disabled", progress=False)
    assert read_unseen(out) is None
    assert calibrate(out, labels=labels, target="best-single").data["quality"] > 0.5


def test_a_risk_is_not_promised_afterwards_either(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = make_labels(prompts=300)
    trained(labels, tmp_path / "run")
    with pytest.raises(ValueError, match="a risk can be promised only on prompts"):
        calibrate(tmp_path / "run", labels=labels, target="risk=0.1")


def test_smaller_trainings_settle_on_prompts_they_hold_out(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = make_labels(prompts=300)
    run, _ = trained(labels, tmp_path / "run")
    splits = prepared_again(tmp_path / "run", read_labels(labels), run.settings.arms).splits
    assert not np.isin(splits.train, splits.validation).any()
    assert len(splits.validation) == pytest.approx(0.15 * run.provenance.prompts["train"], abs=2)
    assert len(splits.train) + len(splits.validation) == run.provenance.prompts["train"]


def test_what_does_not_gain_is_left_for_averages(make_labels: LabelMaker, tmp_path: Path) -> None:
    """At noise 0.5 adder and poet guess whatever is asked, and sage is right with 0.4: nothing is worth choosing."""
    run, found = trained(make_labels(prompts=240, noise=0.5), tmp_path / "run")
    assert found.word != "route"
    assert run.settings.recipe == ("stack" if found.candidates[0].gain.value > 0 else "zero")


def test_a_pair_without_costs_gets_its_threshold(make_labels: LabelMaker, tmp_path: Path) -> None:
    labels = make_labels(cost=False)
    run, _ = trained(labels, tmp_path / "run", models=["adder", "sage"])
    assert run.settings.policy.name == "threshold-pair"
    assert run.settings.arms == ("adder", "sage")


def test_the_seed_decides_the_folds() -> None:
    world = cluster_world(0, width=8, sizes=sizes(60))
    first, second, other = (
        cross_validate(world.table, costing_of(world.table, None), world.embedding, {"members": MEMBERS}, seed=seed)
        for seed in (1, 1, 2)
    )
    for name, said in first.items():
        assert np.array_equal(said.quality, second[name].quality)
    assert not np.array_equal(first["ridge l2=10.0"].quality, other["ridge l2=10.0"].quality)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({"recipe": "knn", "kk": 3}, "'knn' has no setting 'kk'"),
        ({"recipe": "kn"}, "unknown router 'kn'"),
        ({"recipe": "mlp"}, "'mlp' cannot be stacked"),
        ({"recipe": "kernel-ridge", "prior": "task"}, "kernel-ridge: unknown prior 'task'"),
    ],
)
def test_members_that_cannot_be_are_refused(
    make_labels: LabelMaker, tmp_path: Path, member: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        auto(make_labels(), tmp_path / "run", {"members": [member]}, encoder="hashing", progress=False)
    assert not (tmp_path / "run" / "run.json").exists()
