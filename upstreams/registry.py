"""The kinds of upstream by name; nothing is imported before one is asked for."""

UPSTREAMS: dict[str, str] = {
    "fake": "anabranch.upstreams.fake:echo",
    "fusion": "anabranch.serving.fusion.during.fused_model:FusedModel",
    "local": "anabranch.upstreams.local.local_model:LocalModel",
    "openai-compatible": "anabranch.upstreams.openai_compatible:OpenAICompatible",
    "pocket": "anabranch.upstreams.pocket.pool:Pocket",
}
