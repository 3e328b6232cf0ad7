"""Cascades by the name a user types: recipes, see `CascadeRecipe`."""

CASCADES: dict[str, str] = {
    "automix": "anabranch.training.cascades.automix:AutoMix",
    "best-of-inf": "anabranch.training.cascades.best_of_inf:BestOfInf",
    "cargo": "anabranch.training.cascades.cargo:CARGO",
    "cascade-routing": "anabranch.training.cascades.cascade_routing:CascadeRouting",
    "confidence": "anabranch.training.cascades.confidence:Confidence",
    "emafusion": "anabranch.training.cascades.emafusion:EMAFusion",
    "frugalgpt": "anabranch.training.cascades.frugalgpt:FrugalGPT",
    "model-cascading": "anabranch.training.cascades.model_cascading:ModelCascading",
    "model-switch": "anabranch.training.cascades.model_switch:ModelSwitch",
    "mot-cascade": "anabranch.training.cascades.mot_cascade:MoTCascade",
    "risk-controlled": "anabranch.training.cascades.risk_controlled:RiskControlled",
    "robon": "anabranch.training.cascades.robon:RoBoN",
    "semantic-agreement": "anabranch.training.cascades.semantic_agreement:SemanticAgreement",
    "speculative-cascade": "anabranch.training.cascades.speculative_cascade:SpeculativeCascade",
    "token-uncertainty": "anabranch.training.cascades.token_uncertainty:TokenUncertainty",
}
