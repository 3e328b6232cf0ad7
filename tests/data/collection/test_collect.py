"""Collections over real sockets, from prompts to a label set."""

from pathlib import Path

import pytest

from anabranch.data.collection.collect import Collection
from anabranch.data.collection.ledger_schema import LedgerError
from anabranch.data.collection.terms import Terms
from anabranch.data.judges import JUDGES, NUMERIC, Judge
from anabranch.data.prices import UnknownPriceError
from anabranch.data.token_signals import RECORDED
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.fake_server import Drip, Fault, Hang, Raw, Status, Truncate, WrongUsage
from anabranch.upstreams.upstream import Capabilities
from tests.data.collection.world import PRICE, asked, label_rows, labels, pool, prompts, rows, run, serving, total


def test_every_model_answers_every_prompt(tmp_path: Path) -> None:
    """5 words in and 4 out, at 1e-6 and 4e-6 USD: 2.1e-5 USD an answer."""
    with serving() as server:
        urls = {"owl": server.base_url, "wren": server.base_url}
        summary = run(pool(urls), prompts(tmp_path, rows(6, task="sums", split="test")), tmp_path / "labels")
    found = label_rows(tmp_path / "labels")
    assert {(row["prompt_id"], row["model"], row["sample"]) for row in found} == {
        (f"p{i}", model, 0) for i in range(6) for model in ("owl", "wren")
    }
    first = next(row for row in found if row["prompt_id"] == "p3" and row["model"] == "wren")
    assert first["response"] == "It must be 7."
    assert (first["quality"], first["judge"], first["judge_version"]) == (1.0, "numeric", "1")
    assert (first["prompt_tokens"], first["completion_tokens"]) == (5, 4)
    assert first["cost_usd"] == pytest.approx(2.1e-5)
    assert (first["finish_reason"], first["resolved_model"]) == ("stop", "wren")
    assert first["price_date"] is not None
    assert labels(tmp_path / "labels").tasks == ("sums",) * 6
    assert summary.complete
    assert summary.models["owl"].cost_usd == pytest.approx(6 * 2.1e-5)
    assert summary.spent_usd == pytest.approx(12 * 2.1e-5)


def test_what_is_there_is_not_asked_again(tmp_path: Path) -> None:
    with serving() as server:
        one = {"owl": server.base_url}
        run(pool(one), prompts(tmp_path, 3), tmp_path / "labels")
        before = label_rows(tmp_path / "labels")
        again = run(pool(one), prompts(tmp_path, 3), tmp_path / "labels")
        assert len(server.received) == 3
        assert again.models["owl"].asked == 0
        assert label_rows(tmp_path / "labels") == before


def test_new_prompts_models_and_samples_ask_what_is_missing(tmp_path: Path) -> None:
    """3 prompts; 2 more; a second model for 5; a second sample for 5 of 2: 3 + 2 + 5 + 10 requests."""
    out = tmp_path / "labels"
    with serving() as server:
        one, two = {"owl": server.base_url}, {"owl": server.base_url, "wren": server.base_url}
        steps = [
            (one, prompts(tmp_path, 3), 1),
            (one, prompts(tmp_path, 5), 1),
            (two, prompts(tmp_path, 5), 1),
            (two, prompts(tmp_path, 5), 2),
        ]
        counts = []
        for urls, given, samples in steps:
            run(pool(urls), given, out, terms=Terms(samples=samples))
            counts.append(len(server.received))
        assert counts == [3, 5, 10, 20]
    assert len(label_rows(out)) == 20
    assert labels(out).outcomes().samples.shape == (5, 2, 2)


def test_prompts_of_earlier_runs_stay(tmp_path: Path) -> None:
    out = tmp_path / "labels"
    with serving() as server:
        one = {"owl": server.base_url}
        run(pool(one), prompts(tmp_path, rows(3, origin="a")), out)
        summary = run(pool(one), prompts(tmp_path, rows(5, origin="b")[2:]), out)
    assert labels(out).prompts.to_pylist()[-1]["origin"] == "a"
    assert sorted(labels(out).prompt_ids) == [f"p{i}" for i in range(5)]
    assert len(label_rows(out)) == 5
    assert (summary.models["owl"].wanted, summary.models["owl"].done) == (3, 5)


def test_a_changed_text_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with serving() as server:
        run(pool({"owl": server.base_url}), prompts(tmp_path, 3), tmp_path / "labels")
        changed = rows(3)
        changed[1]["prompt"] = "1 + 9 = ?"
        with pytest.raises(LedgerError, match=r"prompt 'p1' has another text .* or use another --out"):
            run(pool({"owl": server.base_url}), prompts(tmp_path, changed), tmp_path / "labels")
        assert len(server.received) == 3


@pytest.mark.parametrize("terms", [Terms(temperature=0.5), Terms(max_tokens=9)])
def test_other_settings_are_refused(terms: Terms, tmp_path: Path) -> None:
    with serving() as server:
        run(pool({"owl": server.base_url}), prompts(tmp_path, 2), tmp_path / "labels")
        with pytest.raises(LedgerError, match=r"model 'owl' was asked with .*use the same settings, or another --out"):
            run(pool({"owl": server.base_url}), prompts(tmp_path, 2), tmp_path / "labels", terms=terms)
        assert len(server.received) == 2


def test_a_corrected_reference_is_judged_again_and_not_asked_again(tmp_path: Path) -> None:
    with serving() as server:
        wrong = rows(3)
        wrong[1]["reference"] = "999"
        run(pool({"owl": server.base_url}), prompts(tmp_path, wrong), tmp_path / "labels")
        assert [row["quality"] for row in label_rows(tmp_path / "labels")] == [1.0, 0.0, 1.0]
        summary = run(pool({"owl": server.base_url}), prompts(tmp_path, 3), tmp_path / "labels")
        assert len(server.received) == 3
    assert summary.rejudged == 1
    assert [row["quality"] for row in label_rows(tmp_path / "labels")] == [1.0, 1.0, 1.0]


HALF = Judge("half", "1", lambda answer, reference: 0.5)
HALF_2 = Judge("half", "2", lambda answer, reference: 0.25)


def test_another_judge_or_version_asks_nobody(tmp_path: Path) -> None:
    here = "tests.data.collection.test_collect"
    judges = ["numeric", f"{here}:HALF", f"{here}:HALF_2", f"{here}:HALF_2", None]
    with serving() as server:
        summaries = [
            run(pool({"owl": server.base_url}), prompts(tmp_path, 2, judge), tmp_path / "labels") for judge in judges
        ]
        assert len(server.received) == 2
    assert [summary.rejudged for summary in summaries] == [0, 2, 2, 0, 0]
    assert [summary.models["owl"].quality for summary in summaries] == [1.0, 0.5, 0.25, 0.25, 0.25]


def test_without_judge_or_reference_quality_is_unknown(tmp_path: Path) -> None:
    given = rows(4)
    del given[2]["reference"]
    with serving() as server:
        summary = run(pool({"owl": server.base_url}), prompts(tmp_path, given), tmp_path / "labels")
    assert summary.models["owl"].unjudged == 1
    assert [row["quality"] for row in label_rows(tmp_path / "labels")] == [1.0, 1.0, None, 1.0]


def test_an_empty_answer_is_a_wrong_one_and_was_paid_for(tmp_path: Path) -> None:
    """A label that is missing would leave a router free to choose the model for such prompts."""
    empty = Raw(
        b'{"choices": [{"message": {"content": ""}, "finish_reason": "stop"}],'
        b' "usage": {"prompt_tokens": 5, "completion_tokens": 1}}'
    )
    with serving(faults=[empty]) as server:
        one_at_a_time = pool({"owl": server.base_url}, concurrency=1)
        summary = run(one_at_a_time, prompts(tmp_path, 2), tmp_path / "labels")
    assert summary.complete
    nothing, row = label_rows(tmp_path / "labels")
    assert (nothing["quality"], nothing["response"], nothing["completion_tokens"]) == (0.0, "", 1)
    assert nothing["cost_usd"] > 0
    assert nothing["latency_s"] is None
    assert row["quality"] == 1.0


def test_a_judge_that_breaks_costs_no_label(tmp_path: Path) -> None:
    judge = "tests.data.collection.test_collect:BROKEN"
    with serving() as server:
        summary = run(pool({"owl": server.base_url}), prompts(tmp_path, 2, judge), tmp_path / "labels")
    assert summary.complete
    assert summary.models["owl"].unjudged == 2


def _breaks(answer: str, reference: str) -> float:
    if answer:
        raise RuntimeError("no")
    return 0.0


BROKEN = Judge("broken", "1", _breaks)


def test_a_dead_upstream_does_not_hold_the_others_up(tmp_path: Path) -> None:
    """owl is asked until 20 calls in a row have failed, those then in flight included; wren answers all 60."""
    urls = {"owl": "http://127.0.0.1:9/v1"}
    with serving() as server:
        summary = run(pool({**urls, "wren": server.base_url}), prompts(tmp_path, 60), tmp_path / "labels")
    owl, wren = summary.models["owl"], summary.models["wren"]
    assert (wren.done, wren.missing) == (60, 0)
    assert 20 <= owl.failed["Unreachable"] <= 23
    assert owl.given_up is not None and "check that it runs" in owl.given_up
    assert not summary.complete
    assert summary.maybe_paid.requests == 0


def test_failures_are_asked_again_only_when_told(tmp_path: Path) -> None:
    with serving(faults=[Status(400)] * 2) as server:
        one = pool({"owl": server.base_url})
        first = run(one, prompts(tmp_path, 5), tmp_path / "labels")
        second = run(one, prompts(tmp_path, 5), tmp_path / "labels")
        third = run(one, prompts(tmp_path, 5), tmp_path / "labels", retry_failed=True)
        assert len(server.received) == 7
    assert first.models["owl"].failed == second.models["owl"].failed == {"BadRequest": 2}
    assert (first.complete, second.models["owl"].asked, third.models["owl"].asked) == (False, 0, 2)
    assert third.complete and third.models["owl"].failed == {}


def test_a_storm_of_429_passes(tmp_path: Path) -> None:
    """6 refusals with Retry-After: 6 requests more than answers, none of them paid."""
    storm = [Status(429, headers={"Retry-After": "0.01"})] * 6
    with serving(faults=storm) as server:
        summary = run(pool({"owl": server.base_url}, attempts=7), prompts(tmp_path, 10), tmp_path / "labels")
        assert len(server.received) == 16
    assert summary.complete
    assert summary.maybe_paid.requests == 0
    assert len(label_rows(tmp_path / "labels")) == 10


def test_a_hang_and_a_slow_drip_fail_and_may_be_paid(tmp_path: Path) -> None:
    """2 of 6 calls time out; each reserved one request."""
    with serving(faults=[Hang(), Drip(gap_s=0.05)]) as server:
        one = pool({"owl": server.base_url}, read_timeout_s=0.3, total_timeout_s=1.0)
        summary = run(one, prompts(tmp_path, 6), tmp_path / "labels")
    assert summary.models["owl"].failed == {"TimedOut": 2}
    assert summary.models["owl"].done == 4
    assert summary.maybe_paid.requests == 2
    assert summary.maybe_paid.usd is not None and summary.maybe_paid.usd > 2 * 20 * 4e-6


def test_broken_and_garbage_answers_fail_and_may_be_paid(tmp_path: Path) -> None:
    with serving(faults=[Truncate(0), Raw(b"<html>"), Raw(b"{}")]) as server:
        summary = run(pool({"owl": server.base_url}), prompts(tmp_path, 6), tmp_path / "labels")
    assert summary.models["owl"].failed == {"BadReply": 3}
    assert (summary.models["owl"].done, summary.maybe_paid.requests) == (3, 3)


def test_wrong_usage_fails_and_missing_usage_costs_an_unknown_amount(tmp_path: Path) -> None:
    raw = b'{"choices": [{"message": {"content": "It must be 1."}, "finish_reason": "stop"}]}'
    faults: list[Fault | None] = [Raw(raw), WrongUsage({"prompt_tokens": 5, "completion_tokens": -1})]
    with serving(faults=faults) as server:
        one = pool({"owl": server.base_url}, concurrency=1)
        summary = run(one, prompts(tmp_path, 4), tmp_path / "labels")
    owl = summary.models["owl"]
    assert owl.failed == {"BadUsage": 1}
    assert (owl.done, owl.unpriced, summary.maybe_paid.requests) == (3, 1, 1)
    assert [row["cost_usd"] is None for row in label_rows(tmp_path / "labels")] == [True, False, False]
    assert summary.spent_usd > 2 * 2 * 20 * 4e-6


def test_an_unknown_model_is_given_up(tmp_path: Path) -> None:
    with serving(Fake(total, models={"wren"})) as server:
        urls = {"owl": server.base_url, "wren": server.base_url}
        summary = run(pool(urls), prompts(tmp_path, 40), tmp_path / "labels")
    assert set(summary.models["owl"].failed) == {"UnknownModel"}
    assert summary.models["owl"].missing == 40
    assert summary.models["wren"].done == 40


def test_models_without_prices_are_named_before_the_first_request(tmp_path: Path) -> None:
    with serving() as server:
        urls = {"owl": server.base_url, "wren": server.base_url}
        free = pool(urls, models={"prices": {}})
        with pytest.raises(UnknownPriceError, match=r"for owl, wren; give each its prices"):
            run(free, prompts(tmp_path, 2), tmp_path / "labels")
        assert server.received == []
        assert not (tmp_path / "labels").exists()
        summary = run(free, prompts(tmp_path, 2), tmp_path / "labels", no_prices=True)
    assert [row["cost_usd"] for row in label_rows(tmp_path / "labels")] == [None] * 4
    assert summary.models["owl"].cost_usd is None


def test_logprobs_leave_their_statistics(tmp_path: Path) -> None:
    """The fake's log-probabilities are 0; 4 words."""
    with serving(Fake(total, capabilities=Capabilities(logprobs=True))) as server:
        run(pool({"owl": server.base_url}), prompts(tmp_path, 1), tmp_path / "labels", terms=Terms(logprobs=True))
    stats = dict.fromkeys(RECORDED, 0.0) | {"tokens": 4}
    assert label_rows(tmp_path / "labels")[0]["logprob_stats"] == stats


def test_a_bad_reference_is_refused_with_its_row(tmp_path: Path) -> None:
    given = rows(3)
    given[2]["reference"] = "many"
    with pytest.raises(ValueError, match=r"row 2 \(prompt 'p2'\): judge 'numeric': reference 'many' is no answer"):
        prompts(tmp_path, given)


def test_labels_without_a_ledger_are_not_overwritten(tmp_path: Path) -> None:
    with serving() as server:
        one = pool({"owl": server.base_url})
        run(one, prompts(tmp_path, 1), tmp_path / "labels")
        (tmp_path / "labels" / "ledger.sqlite").unlink()
        with pytest.raises(LedgerError, match="holds labels that no ledger accounts for"):
            run(one, prompts(tmp_path, 1), tmp_path / "labels")


def test_a_forecast_sends_and_writes_nothing(tmp_path: Path) -> None:
    """3 answers known of 5 prompts: 2 go out; 9 characters are 2.25 tokens, 4 tokens came back on average.

    The bound is max_tokens 20 and, a prompt, 128 + 16 + the bytes of [{"role":"user","content":"3 + 4 = ?"}], 39.
    """
    with serving() as server:
        one = pool({"owl": server.base_url})
        run(one, prompts(tmp_path, 3), tmp_path / "labels")
        before = {path.name: path.read_bytes() for path in (tmp_path / "labels").iterdir()}
        found = Collection(one, prompts(tmp_path, 5), tmp_path / "labels").forecast()["owl"]
        assert len(server.received) == 3
        nothing = Collection(one, prompts(tmp_path, 5), tmp_path / "new").forecast()["owl"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "labels").iterdir()} == before
    assert not (tmp_path / "new").exists()
    assert (found.requests, found.prompt_tokens, found.completion_tokens) == (2, 4, 8)
    assert found.estimated_usd == pytest.approx(4.5e-6 + 8 * 4e-6)
    assert found.most_usd == pytest.approx(2 * (183e-6 + 20 * 4e-6))
    assert (nothing.requests, nothing.completion_tokens) == (5, 100)


def test_a_bound_needs_max_tokens(tmp_path: Path) -> None:
    endless = pool({"owl": "http://127.0.0.1:9/v1"}, models={"max_tokens": None, "prices": PRICE})
    found = Collection(endless, prompts(tmp_path, 5), tmp_path / "labels").forecast()["owl"]
    assert (found.completion_tokens, found.estimated_usd, found.most_usd) == (None, None, None)
    with pytest.raises(ValueError, match="a budget needs max_tokens of owl: give --max-tokens"):
        run(endless, prompts(tmp_path, 5), tmp_path / "labels", budget_usd=1.0)


def test_prompts_are_asked_as_they_stand(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3 + 4 = ?", "name": "ann"}]
    with serving() as server:
        given = prompts(tmp_path, [{"prompt_id": "x", "messages": chat, "reference": "7"}])
        run(pool({"owl": server.base_url}), given, tmp_path / "labels")
        body = server.received[0].body
    assert body["messages"] == chat
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0.0, 20, "owl")
    assert asked(server) == ["3 + 4 = ?"]


def test_the_registry_of_judges_is_where_names_come_from() -> None:
    assert JUDGES["numeric"].endswith(":NUMERIC") and NUMERIC.name == "numeric"
