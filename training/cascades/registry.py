"""Cascades by the name a user types: recipes, see `CascadeRecipe`."""

CASCADES: dict[str, str] = {
    "confidence": "anabranch.training.cascades.confidence:Confidence",
    "frugalgpt": "anabranch.training.cascades.frugalgpt:FrugalGPT",
    "model-cascading": "anabranch.training.cascades.model_cascading:ModelCascading",
    "risk-controlled": "anabranch.training.cascades.risk_controlled:RiskControlled",
    "token-uncertainty": "anabranch.training.cascades.token_uncertainty:TokenUncertainty",
}
