from dataclasses import replace

from anabranch.training.report.contents import Interval, Report
from anabranch.training.report.verdict_card import Card, answer, verdict_card


def fact(card: Card, label: str) -> tuple[str, str]:
    return next((one.value, one.note) for one in card.facts if one.label == label)


def test_a_router_that_pays_shows_its_bound_saving_and_break_even(priced: Report) -> None:
    """It costs 0.01 of the best single model's 0.02 USD, and saves 0.0015 a request: 1.50 per 1,000."""
    card = verdict_card(priced, priced.routers[0])
    assert (card.word, card.tone) == ("route", "yes")
    assert card.meaning == "Looking at the prompt pays: it beats the best mix of single models at the same cost."
    assert fact(card, "Gain") == ("+0.030", "at least +0.011 with 95 % confidence")
    assert fact(card, "Quality") == ("0.790", "-0.010 against large alone")
    assert fact(card, "Cost per 1,000") == ("10.0 USD", "50 % of what large costs")
    assert fact(card, "Saving per 1,000")[0] == "1.50 USD"
    assert fact(card, "Break-even")[0] == "12,345 requests"


def test_a_saving_that_may_be_chance_is_not_shown(priced: Report) -> None:
    result = priced.routers[1]
    card = verdict_card(priced, replace(result, verdict=replace(result.verdict, saving_usd=0.001)))
    assert card.tone == "no"
    assert "a gain of 0.02 is ruled out or would have shown" in card.meaning
    assert [one.label for one in card.facts] == ["Gain", "Quality", "Cost per 1,000"]
    assert fact(card, "Gain")[1] == "could be as low as -0.004"


def test_harm_is_called_harm(priced: Report) -> None:
    result = priced.routers[1]
    harmful = replace(result.verdict, gain=Interval(-0.05, -0.06, -0.04))
    assert "does harm" in verdict_card(priced, replace(result, verdict=harmful)).meaning


def test_too_little_data_says_how_much_is_enough(pair: Report) -> None:
    card = verdict_card(pair, pair.routers[0])
    assert card.meaning == "500 prompts cannot tell: about 800 would show a gain of 0.02."
    assert fact(card, "Strong calls") == ("60.0 %", "")


def test_a_quality_that_no_mix_reaches_has_no_saving(priced: Report) -> None:
    result = priced.routers[0]
    card = verdict_card(priced, replace(result, verdict=replace(result.verdict, saving_usd=-0.001)))
    assert fact(card, "Saving") == ("–", "no mix of single models is as good")


def test_the_answer_is_that_of_the_surest_router(priced: Report, pair: Report, unpriced: Report) -> None:
    surer = replace(priced.routers[0], row=replace(priced.routers[0].row, name="sure"))
    surer = replace(surer, verdict=replace(surer.verdict, gain=Interval(0.02, 0.018, 0.022)))
    tone, sentence = answer(replace(priced, routers=(*priced.routers, surer)))
    assert tone == "yes"
    assert "2 of 3 routers" in sentence and "sure's: at least +0.018" in sentence
    assert answer(replace(priced, routers=priced.routers[:1]))[1].startswith("Yes: knn beats the best mix")
    assert answer(pair)[0] == "unsure"
    assert answer(unpriced) == ("no", "No: no router beats always asking large.")
    assert answer(replace(priced, routers=()))[0] == "unsure"


def test_a_cascade_says_what_its_answers_take(cascaded: Report) -> None:
    card = verdict_card(cascaded, cascaded.routers[1])
    assert fact(card, "Calls per prompt") == ("1.48", "2.0 % of the prompts get no answer")
    assert fact(card, "Median latency") == ("1.50 s", "95 % of the prompts within 2.50 s")
    assert fact(card, "Cost per 1,000") == ("12.0 USD", "60 % of what large costs")


def test_what_has_no_cost_is_compared_with_the_best_model(cascaded: Report, unpriced: Report) -> None:
    card = verdict_card(cascaded, cascaded.routers[2])
    assert card.meaning == "Looking at the answers pays: it beats always asking large."
    assert not [one for one in card.facts if one.label.startswith("Cost")]
    only = replace(cascaded, routers=cascaded.routers[2:])
    assert answer(only)[1].startswith("Yes: unpriced beats always asking large, by at least")
    refused = replace(cascaded.routers[2], verdict=unpriced.routers[0].verdict)
    assert answer(replace(cascaded, routers=(refused,)))[1].startswith("No: no cascade beats the best mix")
