import pytest

from anabranch.upstreams import errors
from anabranch.upstreams.errors import UpstreamError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UpstreamError)]


def test_what_may_pass_is_retryable() -> None:
    retryable = {kind.__name__ for kind in KINDS if kind.retryable}
    assert retryable == {"Unreachable", "TimedOut", "RateLimited", "Overloaded", "BadReply"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_who_what_and_the_way_out(kind: type[UpstreamError]) -> None:
    error = kind("cheap", "said no", status=418, retry_after_s=2.5)
    assert str(error) == f"upstream 'cheap' said no; {kind.way_out}"
    assert (error.upstream, error.status, error.retry_after_s) == ("cheap", 418, 2.5)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = [line.lstrip("│├└─ ").split()[0] for line in str(errors.__doc__).splitlines()[2:]]
    assert sorted(drawn) == sorted(kind.__name__ for kind in KINDS)
