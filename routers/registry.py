"""Routers by the name a user types: an estimator class, or a function that returns a recipe."""

ROUTERS: dict[str, str] = {
    "avengers": "anabranch.routers.estimators.avengers:Avengers",
    "avengers-pro": "anabranch.routers.recipes.avengers_pro:avengers_pro",
    "best-route": "anabranch.routers.recipes.best_route:best_route",
    "cluster": "anabranch.routers.estimators.cluster:Cluster",
    "knn": "anabranch.routers.estimators.knn:KNN",
    "linucb": "anabranch.routers.recipes.linucb:linucb",
    "logistic": "anabranch.routers.estimators.logistic:Logistic",
    "mlp": "anabranch.routers.estimators.mlp:MLP",
    "ridge": "anabranch.routers.estimators.ridge:Ridge",
    "rm-classification": "anabranch.routers.estimators.rm_classification:RMClassification",
    "rm-interval": "anabranch.routers.estimators.rm_interval:RMInterval",
    "rm-softmax": "anabranch.routers.estimators.rm_softmax:RMSoftmax",
    "rorf": "anabranch.routers.estimators.rorf:RoRF",
    "routellm-sw": "anabranch.routers.estimators.similarity_weighted:SimilarityWeighted",
    "routerdc": "anabranch.routers.estimators.routerdc:RouterDC",
}
