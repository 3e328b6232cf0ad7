"""Selection rules by the name a user gives; see `anabranch.training.streams.rule`."""

RULES: dict[str, str] = {
    "committee": "anabranch.training.streams.query_by_committee:QueryByCommittee",
    "coreset": "anabranch.training.streams.coreset:Coreset",
    "entropy": "anabranch.training.streams.entropy:Entropy",
    "front-loading": "anabranch.training.streams.front_loading:FrontLoading",
    "margin": "anabranch.training.streams.margin:Margin",
    "random": "anabranch.training.streams.random_calls:RandomCalls",
}
