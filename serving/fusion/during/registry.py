"""The methods of fusion during inference by name."""

FUSIONS: dict[str, str] = {
    "cool-fusion": "anabranch.serving.fusion.during.cool_fusion:CoolFusion",
    "core": "anabranch.serving.fusion.during.core:CoRE",
    "gac": "anabranch.serving.fusion.during.gac:GaC",
    "me": "anabranch.serving.fusion.during.me:ME",
    "packllm": "anabranch.serving.fusion.during.packllm:PackLLM",
    "purify": "anabranch.serving.fusion.during.purify:Purify",
    "specfuse": "anabranch.serving.fusion.during.specfuse:SpecFuse",
    "sweetspan": "anabranch.serving.fusion.during.sweetspan:SweetSpan",
    "unite": "anabranch.serving.fusion.during.unite:UniTE",
}
