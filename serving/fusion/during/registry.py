"""The methods of fusion during inference by name."""

FUSIONS: dict[str, str] = {
    "gac": "anabranch.serving.fusion.during.methods:gac",
    "me": "anabranch.serving.fusion.during.one_of:OneOf",
    "purify": "anabranch.serving.fusion.during.methods:purify",
    "unite": "anabranch.serving.fusion.during.methods:unite",
}
