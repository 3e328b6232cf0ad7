"""Routers weigh the members of a fused model, prompt by prompt."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet, write_labels
from anabranch.serving.fusion.during.fused_model import FusedModel
from anabranch.serving.fusion.during.router_weights import By, RouterWeights
from anabranch.training.fit import fit
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.pool import Pool, pool_from
from anabranch.upstreams.upstream import Request
from tests.serving.gateways import router

OWL, WREN = "pocket-owl", "pocket-wren"
TEXTS = ["an easy one", "a hard one"]


def test_a_decision_is_all_of_the_weight() -> None:
    """The wren does for what is easy, being cheaper; members need not be in the router's order, and may be twice."""
    assert RouterWeights(router(), ["wren", "owl"])(TEXTS) == [(1.0, 0.0), (0.0, 1.0)]
    assert RouterWeights(router(), ["owl", "wren", "owl"])(TEXTS) == [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]


def test_the_router_decides_among_members_alone() -> None:
    assert RouterWeights(router(), ["owl"])(TEXTS) == [(1.0,), (1.0,)]


def test_shares_are_the_softmax_of_quality() -> None:
    """0.5 and 0.9 at a temperature of 0.2: 1 to e^2; equal where both answer as well."""
    easy, hard = RouterWeights(router(), ["wren", "owl"], "quality", 0.2)(TEXTS)
    assert easy == pytest.approx((0.5, 0.5))
    assert hard == pytest.approx((1 / (1 + np.e**2), 1 / (1 + np.e**-2)))


@pytest.mark.parametrize("by", get_args(By))
def test_a_member_that_the_router_does_not_know_is_refused(by: By) -> None:
    with pytest.raises(ValueError, match=r"members \['heron'\] are no arms"):
        RouterWeights(router(), ["wren", "heron"], by)


@pytest.mark.parametrize(("by", "temperature"), [("luck", 0.1), ("quality", 0.0)])
def test_weights_that_cannot_be_made_are_refused(by: By, temperature: float) -> None:
    with pytest.raises(ValueError, match="router_weights"):
        RouterWeights(router(), ["wren"], by, temperature)


def run_of(folder: Path) -> Path:
    """A router that was told that owls answer sums and wrens spell."""
    prompts = [f"{one} + {other}" for one in range(6) for other in range(6)]
    prompts += [f"spell {one}{other}" for one in "abcdef" for other in "uvwxyz"]
    rows = [
        (f"p{at}", model, float((model == OWL) == prompt[0].isdigit()), 1e-6)
        for at, prompt in enumerate(prompts)
        for model in (OWL, WREN)
    ]
    columns = zip(*rows, strict=True)
    labels = pa.table(dict(zip(("prompt_id", "model", "quality", "cost_usd"), map(list, columns), strict=True)))
    ids, splits = zip(*((f"p{at}", "train" if at % 6 else "test") for at in range(len(prompts))), strict=True)
    asked = pa.table({"prompt_id": list(ids), "prompt": prompts, "split": list(splits)})
    write_labels(LabelSet(asked, labels), folder / "labels")
    fit(folder / "labels", folder / "run", "knn", encoder="hashing", tracker="disabled", progress=False)
    return folder / "run"


async def replies(model: FusedModel | LocalModel, prompts: Sequence[str]) -> list[str]:
    try:
        asked = [
            Request("mix", ({"role": "user", "content": text},), max_tokens=12, temperature=0.0) for text in prompts
        ]
        return [reply.text for reply in await asyncio.gather(*map(model.complete, asked))]
    finally:
        await model.close()


def test_a_pool_names_a_router_and_answers_are_those_of_the_member_that_it_chooses(tmp_path: Path) -> None:
    """Relative to the file; the sum is the owl's, the word is the wren's."""
    run_of(tmp_path)
    pool = pool_from(
        {
            "upstreams": {"mix": {"kind": "fusion", "members": [WREN, OWL], "device": "cpu", "router": "run"}},
            "models": [{"name": "mix", "upstream": "mix", "prices": {}}],
        },
        tmp_path,
        "pool.yaml",
    )
    mixed = asyncio.run(replies(FusedModel("mix", **_settings(pool)), ["3 + 4", "spell dx"]))
    owl, wren = (
        asyncio.run(replies(LocalModel("mix", check_frozen(name), device="cpu"), ["3 + 4", "spell dx"]))
        for name in (OWL, WREN)
    )
    assert owl != wren and mixed == [owl[0], wren[1]]


def test_what_cannot_be_routed_has_the_weights_of_the_file(tmp_path: Path) -> None:
    """A chat in which nobody says anything; the file has all weight on the wren, and the router would ask the owl."""
    model = FusedModel("mix", [WREN, OWL], device="cpu", router=run_of(tmp_path), weights=[1, 0])
    request = Request("mix", ({"role": "user", "content": ""},), max_tokens=8, temperature=0.0, top_logprobs=0)

    async def asked() -> tuple[str, ...]:
        try:
            return (await model.complete(request)).logprobs[0].by
        finally:
            await model.close()

    assert asyncio.run(asked()) == (WREN,)


def _settings(pool: Pool) -> dict[str, Any]:
    return {name: value for name, value in pool.upstreams["mix"].items() if name != "kind"}


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no RUN folder"):
        FusedModel("mix", [OWL, WREN], router=tmp_path)
