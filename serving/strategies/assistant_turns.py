"""One assistant at work: it writes code, hears how the code ended, and so on until it answers."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from anabranch.serving.code_blocks import code_of
from anabranch.serving.code_runner import Ran
from anabranch.serving.strategies.assistant_prompts import Message, after_run, no_answer_yet
from anabranch.upstreams.upstream import Reply

Ask = Callable[[tuple[Message, ...]], Awaitable[Reply]]
Run = Callable[[str], Awaitable[Ran]]


@dataclass(frozen=True)
class Ended:
    """How an assistant's work ended.

    Args:
        reply: its last.
        answer: what it answers, without the word that ends it; empty if it came to no end.
        code: that was run last; empty for none.
        ran: how that ended; None for none.
    """

    reply: Reply
    answer: str
    code: str = ""
    ran: Ran | None = None

    @property
    def failed(self) -> str:
        """Why nobody needs to judge it; empty if somebody does."""
        if not self.answer:
            return "unfinished"
        return "" if self.ran is None or self.ran.well else "execution_failed"


async def work(ask: Ask, run: Run, messages: Sequence[Message], most_replies: int, word: str) -> Ended:
    """Let an assistant work.

    Code is run before it is taken for an answer, also where the word follows at once: models say so of code that they
    have only imagined. Code that has just run well may stand in an answer.

    Args:
        ask: for its next reply.
        run: a piece of code.
        messages: of the conversation so far.
        most_replies: automatic ones.
        word: with which a reply ends the work.
    """
    said, code, ran = tuple(messages), "", None
    for left in range(most_replies, -1, -1):
        reply = await ask(said)
        proposed, answer = code_of(reply.text), without_word(reply.text, word)
        old = proposed == code and ran is not None and ran.well
        if proposed and not old:
            answer = ""
        if left == 0 or not reply.text or (answer and ends(reply.text, word)):
            break
        if proposed:
            code, ran = proposed, await run(proposed)
        told = after_run(ran, word) if proposed and ran is not None else no_answer_yet(word)
        said += ({"role": "assistant", "content": reply.text}, {"role": "user", "content": told})
    return Ended(reply, answer, code, ran)


def ends(text: str, word: str) -> bool:
    """Whether the word is the last of a text; marks around it do not count.

    >>> [ends(text, "END") for text in ("It is 4. **END**", "END of story", "WEEKEND", "4\\nEND.")]
    [True, False, False, True]
    """
    return _end(word).search(text) is not None


def without_word(text: str, word: str) -> str:
    """The text without the word at its end.

    >>> without_word("It is 4.\\n\\n`END`", "END"), without_word("The END is near.", "END")
    ('It is 4.', 'The END is near.')
    """
    return _end(word).sub("", text).strip()


def _end(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)[*_`\"']*{re.escape(word)}[*_`\"'.!\s]*\Z")
