"""anabranch serve"""

from anabranch.commands.answer import Answer
from anabranch.serving.offer import Offer, prepare
from anabranch.serving.server import serve as run
from anabranch.serving.settings import read_settings


def serve(
    source: str,
    *,
    pool: str | None = None,
    host: str | None = None,
    port: int | None = None,
    tradeoff: float | None = None,
    api_key_env: str | None = None,
    timeout_s: float | None = None,
    max_completion_tokens: int | None = None,
    decision_threads: int | None = None,
    max_body_mb: float | None = None,
    grace_s: int | None = None,
    quiet: bool = False,
) -> Answer:
    """Serve a bundle or a pool behind an OpenAI-compatible endpoint.

    Args:
        source: BUNDLE folder, CONFIG.yaml, a pool file, or "pocket".
        pool: who answers: a pool file, or "pocket".
        host: address to listen on; 127.0.0.1 if not given.
        port: 8000 if not given, 0 for any that is free.
        tradeoff: 0 = cheapest, 1 = best; the calibrated one if not given.
        api_key_env: variable that holds the key which clients must send.
        timeout_s: seconds that a cascade waits for a call, or for the next piece of a stream; no limit if not given.
        max_completion_tokens: of all answers that a cascade asks for to one prompt; no limit if not given.
        decision_threads: decisions, and answers that scorers read, at once; 2 if not given.
        max_body_mb: largest request, in MiB; 32 if not given.
        grace_s: seconds for requests in flight when the server is stopped; 30 if not given.
        quiet: write no line a request.
    """
    options = {
        "pool": pool,
        "host": host,
        "port": port,
        "tradeoff": tradeoff,
        "api_key_env": api_key_env,
        "timeout_s": timeout_s,
        "max_completion_tokens": max_completion_tokens,
        "decision_threads": decision_threads,
        "max_body_mb": max_body_mb,
        "grace_s": grace_s,
        "quiet": quiet or None,
    }
    settings = read_settings(source, options)
    offer = prepare(settings)
    run(offer, settings, lambda address: print(greeting(offer, address), flush=True))
    return Answer("stopped", {"stopped": True})


def greeting(offer: Offer, address: str) -> str:
    """Where the server listens, what it serves, and how to ask."""
    names = offer.names
    return "\n".join(
        [
            f"listening on {address}",
            f"models: {', '.join(names)}",
            f"strategy: {_strategy(offer)}",
            "try:",
            f"  curl {address}/v1/chat/completions -H 'content-type: application/json' \\",
            f"""    -d '{{"model": "{names[0]}", "messages": [{{"role": "user", "content": "Hello"}}]}}'""",
        ]
    )


def _strategy(offer: Offer) -> str:
    decides = offer.plan or offer.router
    if decides is None:
        return "by name"
    name = "route" if offer.plan is None else "cascade"
    return f"{name}, trade-off {decides.tradeoff:.3f}, bundle {offer.bundle}"
