"""The answers of models that write together, as an evaluation reads them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anabranch.commands.fused_arm import Asked, FusedArm
from anabranch.data.columns import codes, numbers, strings
from anabranch.data.implied_prices import implied_prices
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.prices import INPUT, OUTPUT
from anabranch.training.fusion_result import FusedAnswers

_UNKNOWN = "its cost is not known, so it is judged by its quality alone"


def read_answers(
    asked: Asked, labels: LabelSet, test: Outcomes, train: Outcomes
) -> tuple[FusedAnswers, Outcomes, tuple[str, ...]]:
    """The judged answers of an arm, the outcomes of the prompts that have one, and what a reader must know.

    Args:
        asked: what it came to.
        labels: the label set.
        test: the prompts that were asked for.
        train: the prompts that name the best single member.

    Raises:
        ValueError: no prompt has a judged answer.
    """
    arm = asked.arm
    answers = _judged(asked, test)
    if not answers.num_rows:
        raise ValueError(f"{arm.name} gave no answer that was judged; {asked.folder}/ledger.sqlite says why")
    kept = test.take(codes(answers, "prompt_id", test.prompt_ids))
    members = arm.recorded(labels.arms())
    every = labels.outcomes(members) if members else None
    cost, priced = _cost(arm, answers, labels)
    found = FusedAnswers(
        name=arm.name,
        quality=numbers(answers, "quality"),
        prompt_tokens=numbers(answers, "prompt_tokens"),
        computed_tokens=numbers(answers, "completion_tokens"),
        cost_usd=cost,
        priced=priced,
        members=None if every is None else _of(every, kept),
        members_on_train=None if every is None else _of(every, train),
        tokens_per_s=asked.tokens_per_s,
        prompts_per_s=asked.prompts_per_s,
    )
    return found, kept, (*asked.notes, *_left_out(asked, len(test) - len(kept)))


def _judged(asked: Asked, test: Outcomes) -> pa.Table:
    """The rows of the arm's judged answers to these prompts, in the order of the prompts."""
    answers = read_labels(asked.folder).labels
    place = codes(answers, "prompt_id", test.prompt_ids)
    wanted = (codes(answers, "model", [asked.arm.name]) == 0) & (place >= 0) & ~np.isnan(numbers(answers, "quality"))
    rows = np.flatnonzero(wanted)
    return answers.take(pa.array(rows[np.argsort(place[rows])]))


def _of(outcomes: Outcomes, prompts: Outcomes) -> Outcomes:
    place = {prompt_id: at for at, prompt_id in enumerate(outcomes.prompt_ids)}
    return outcomes.take([place[prompt_id] for prompt_id in prompts.prompt_ids])


def _left_out(asked: Asked, missing: int) -> tuple[str, ...]:
    if not missing:
        return ()
    failed = asked.summary.models[asked.arm.name].failed
    why = ", ".join(f"{number} {error}" for error, number in failed.items())
    return (f"{missing} prompts without a judged answer of the fusion are left out{f': {why}' if why else ''}",)


def _cost(arm: FusedArm, answers: pa.Table, labels: LabelSet) -> tuple[Floats | None, str]:
    """What the answers cost by the recorded prices of the members, USD, and one sentence on it."""
    members = arm.recorded(labels.arms())
    prices = {name: implied_prices(labels, name) for name in members}
    unpriced = [name for name, price in prices.items() if price is None]
    if len(members) < len(arm.members):
        return None, f"{_UNKNOWN}: not all of its models have recorded answers here"
    if unpriced:
        return None, f"{_UNKNOWN}: no two prices per token give back the recorded costs of {', '.join(unpriced)}"
    if not _all_were_asked(answers, len(members)):
        return (
            None,
            f"{_UNKNOWN}: not every model was asked for every token, and whose the tokens were is not counted",
        )
    known = [price for price in prices.values() if price is not None]
    read, written = (float(np.mean([price[key] for price in known])) for key in (INPUT, OUTPUT))
    cost = numbers(answers, "prompt_tokens") * read + numbers(answers, "completion_tokens") * written
    return cost, (
        "its cost is an estimate and no bill: all tokens, at the mean of the prices that its models are recorded at, "
        "since each was asked for every token"
    )


def _all_were_asked(answers: pa.Table, members: int) -> bool:
    """Whether as many tokens were computed for each token, and for the end of a text, as there are members."""
    written = np.zeros(answers.num_rows)
    if "logprob_stats" in answers.column_names:
        tokens = pc.struct_field(answers["logprob_stats"], "tokens").cast(pa.float64())
        written = pc.fill_null(tokens, 0.0).to_numpy()
    ended = np.array([reason == "stop" for reason in strings(answers, "finish_reason", default="")])
    return bool((numbers(answers, "completion_tokens") == members * (written + ended)).all())
