"""Every policy on answers, small enough to play through."""

from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.best_of_infinity import BestOfInfinity
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.isp import ISP
from anabranch.routers.deferral.majority import Majority
from anabranch.routers.deferral.model_switch import ModelSwitch
from anabranch.routers.deferral.robon import RoBoN
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.signal_maps import Steps
from anabranch.routers.deferral.speculative import Speculative
from anabranch.routers.deferral.suitable_chain import SuitableChain
from anabranch.routers.deferral.unsure_pair import UnsurePair
from anabranch.routers.deferral.weighted_vote import WeightedVote

POLICIES: dict[str, Deferral] = {
    "automix": AutoMix((0, 2), (True, False, True, False), always=(2,)),
    "best-of-infinity": BestOfInfinity((0, 1, 2), (0.5, 0.2, 0.3), bayes_factor=20.0, checks=(1, 3, 4, 5)),
    "fuse all": FuseAll((0, 1, 2), 3, Majority()),
    "fuse all by isp": FuseAll((2, 0), 2, ISP(((0.9, 0.5, 0.2), (0.5, 0.9, 0.4), (0.2, 0.4, 0.8)), 3.0)),
    "fuse all weighted": FuseAll((0, 1, 2), 2, WeightedVote((0.5, 0.2, 1.0))),
    "model-switch": ModelSwitch((0, 1, 2), samples=3, tau=0.9),
    "model-switch weighted": ModelSwitch((1, 0, 2), samples=3, weighted=True),
    "mot verify": Consistency((0, 1, 2), samples=3, form="verify"),
    "mot vote": Consistency((0, 2), samples=4, tau=0.5, strong_samples=3),
    "robon": RoBoN((0, 1, 2), calls=5, beta=3.0),
    "robon drawn": RoBoN((0, 1, 2), calls=5, unused=False, answer="draw"),
    "robon of one": RoBoN((0, 1, 2), calls=1),
    "semantic agreement": SemanticAgreement((0, 1, 2), tau=0.5),
    "speculative": Speculative((0, 2), 0.3, "reward", Steps((0.1,), (0.2,)), wait_s=9.0, usd_per_s=1.0),
    "suitable chain": SuitableChain((2, 0, 1), tau=-0.3, threshold=0.3, signal="reward"),
    "unsure pair": UnsurePair((0, 1, 2), lam=0.1, delta=0.5, threshold=0.3, signal="reward"),
}
MOST_CALLS = 9
