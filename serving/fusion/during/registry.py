"""The methods of fusion during inference by name."""

FUSIONS: dict[str, str] = {
    "gac": "anabranch.serving.fusion.during.gac:GaC",
    "me": "anabranch.serving.fusion.during.me:ME",
    "purify": "anabranch.serving.fusion.during.purify:Purify",
    "unite": "anabranch.serving.fusion.during.unite:UniTE",
}
