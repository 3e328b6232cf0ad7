"""Cascades by the name a user types: recipes, see `CascadeRecipe`."""

CASCADES: dict[str, str] = {
    "confidence": "anabranch.training.cascades.confidence:Confidence",
}
