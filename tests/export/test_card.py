"""The model card."""

from anabranch.export.card import model_card
from anabranch.export.manifest import Manifest
from anabranch.routers.settings import CostingSettings


def test_the_card_says_what_it_is_and_how_to_run_it(manifest: Manifest) -> None:
    card = model_card("shop", manifest)
    assert card.startswith("# shop\n")
    assert 'anabranch route shop "your prompt" --tradeoff 0.75' in card
    for fact in (
        "| large |",
        "| router | ridge (defaults) |",
        "(scale_usd = 0.02)",
        "calibrated to: budget",
        "| calibration | none |",
        "ab" * 32,
    ):
        assert fact in card
    assert "| train prompts | 24 |" in card
    assert "| training.aiq | 0.5 |" in card
    assert card.endswith("\n") and not card.endswith("\n\n")


def test_the_card_warns_of_user_prompts(manifest: Manifest) -> None:
    assert "No user prompt is inside" in model_card("shop", manifest)
    holding = manifest.model_copy(update={"contains_user_prompts": True, "user_prompts": "an index"})
    assert "Inside is an index. Embeddings can be inverted in part" in model_card("shop", holding)


def test_prices_are_shown_by_the_million(manifest: Manifest) -> None:
    """3e-6 USD a token is 3 USD a million."""
    costing = CostingSettings(
        usage_kind="completion_tokens",
        input_usd=(3e-6, 2e-6, 1e-6),
        output_usd=(9e-6, 6e-6, 3e-6),
        tokens_per_char=(0.25, 0.25, 0.25),
        price_date="2026-01-01",
    )
    priced = manifest.model_copy(update={"router": manifest.router.model_copy(update={"costing": costing})})
    card = model_card("shop", priced)
    assert "Prices of 2026-01-01." in card
    assert "| large | 3 | 9 |" in card


def test_unknown_costs_and_metrics_are_said_to_be_unknown(manifest: Manifest) -> None:
    router = manifest.router.model_copy(update={"costing": CostingSettings.model_validate({"usage_kind": "unknown"})})
    card = model_card("shop", manifest.model_copy(update={"router": router, "metrics": {}}))
    assert "Costs: unknown." in card
    assert "None were recorded." in card


def test_a_bar_in_a_name_does_not_break_the_table(manifest: Manifest) -> None:
    router = manifest.router.model_copy(update={"arms": ("a|b",)})
    assert "| a\\|b |" in model_card("shop", manifest.model_copy(update={"router": router}))
