"""Fusion after inference by the name a user types: recipes, see `CascadeRecipe`."""

AFTER: dict[str, str] = {
    "isp": "anabranch.training.after.isp:ISP",
    "majority": "anabranch.training.after.majority:Majority",
    "weighted-vote": "anabranch.training.after.weighted_vote:WeightedVote",
}
