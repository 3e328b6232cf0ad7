"""The ledger alone: what a commit keeps, what a dead run leaves, and versions."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from anabranch.data.collection.entries import Done, Failed, Key, Sent
from anabranch.data.collection.label_table import label_table
from anabranch.data.collection.ledger import MaybePaid, open_ledger, read_ledger
from anabranch.data.collection.ledger_schema import MIGRATIONS, LedgerError, migrate
from anabranch.data.collection.ledger_thread import LedgerThread
from anabranch.upstreams.errors import RateLimited, TimedOut
from anabranch.upstreams.upstream import Reply, TokenLogprob, Usage

A, B, C = (Key(name, "owl", 0) for name in "abc")
REPLY = Reply("4", "owl-7b", "stop", Usage(5, 1), 0.25)


def timed_out(attempts: int) -> TimedOut:
    error = TimedOut("x", "did not answer in time")
    error.attempts = attempts
    return error


def test_states_and_money(tmp_path: Path) -> None:
    """0.5 spent on a; b timed out twice at 0.125 each; c is in flight at 0.0625."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.write([Sent(A, 1.0), Sent(B, 0.125), Sent(C, 0.0625)])
    ledger.write([Failed(B, timed_out(2), 0.125), Done(A, REPLY, 0.5, "2026-01-31")])
    assert ledger.states() == {A: "done", B: "failed", C: "sent"}
    assert ledger.in_flight() == MaybePaid(1, 0.0625)
    assert ledger.maybe_paid() == MaybePaid(2, 0.25)
    assert ledger.spent_usd() == 0.5 + 0.25 + 0.0625
    ledger.close()


def test_what_a_dead_run_left_is_counted_each_time_it_happens(tmp_path: Path) -> None:
    for deaths in (1, 2):
        ledger = open_ledger(tmp_path / "ledger.sqlite")
        ledger.write([Sent(A, 0.25)])
        assert ledger.recover() == MaybePaid(1, 0.25)
        assert ledger.recover() == MaybePaid(0, 0.0)
        assert ledger.maybe_paid() == MaybePaid(deaths, deaths * 0.25)
        assert ledger.states() == {A: "lost"}
        ledger.close()


def test_an_answer_without_a_known_cost_counts_at_its_bound(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.write([Sent(A, 0.25)])
    ledger.write([Done(A, Reply("4", "owl", "stop", None, 0.1), None, None)])
    assert ledger.spent_usd() == 0.25
    ledger.close()


def test_an_unknown_bound_is_not_0(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.write([Sent(A, None), Sent(B, None)])
    ledger.write([Failed(B, RateLimited("x", "answered 429"), None)])
    assert ledger.recover() == MaybePaid(1, None)
    assert ledger.maybe_paid() == MaybePaid(1, None)
    ledger.close()


def test_a_commit_is_whole_or_not_at_all(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerError, match="cannot be used"):
        ledger.write([Sent(A, 1.0), Sent(Key(None, "owl", 0), 1.0)])  # type: ignore[arg-type]
    assert ledger.states() == {}
    ledger.write([Sent(A, 1.0)])
    ledger.close()


def test_reading_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.write([Sent(A, 1.0)])
    assert read_ledger(tmp_path / "ledger.sqlite").states() == {A: "sent"}
    ledger.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert read_ledger(tmp_path / "ledger.sqlite").states() == {A: "sent"}
    assert read_ledger(tmp_path / "nothing.sqlite").states() == {}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    for opening in (open_ledger, read_ledger):
        with pytest.raises(
            LedgerError, match=r"has version 2, and this anabranch reads up to 1; use the anabranch that"
        ):
            opening(tmp_path / "ledger.sqlite")


def test_an_older_version_is_migrated_with_its_rows(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.write([Sent(A, 1.0)])
    ledger.close()
    newer = (*MIGRATIONS, "ALTER TABLE answers ADD COLUMN colour TEXT")
    connection = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    migrate(connection, "ledger", newer)
    assert connection.execute("SELECT prompt_id, colour FROM answers").fetchall() == [("a", None)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


def test_a_migration_that_fails_changes_nothing() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    broken = (*MIGRATIONS, "CREATE TABLE extra (x); ALTER TABLE nothing ADD COLUMN x")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "ledger", broken)
    connection.rollback()
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert not connection.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchall()
    connection.close()


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("not a database, but long enough to look like one" * 100)
    with pytest.raises(LedgerError, match="cannot be used"):
        open_ledger(tmp_path / "ledger.sqlite")


def test_entries_are_committed_in_their_order_and_together(tmp_path: Path) -> None:
    """What is logged soon is committed by the time that what is logged after it is."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")

    async def run() -> None:
        thread = LedgerThread(ledger)
        thread.start()
        await asyncio.gather(*(thread.log(Sent(key, 1.0)) for key in (A, B)))
        thread.log_soon(Done(A, REPLY, 0.5, None))
        await thread.log(Sent(C, 1.0))
        assert read_ledger(tmp_path / "ledger.sqlite").states() == {A: "done", B: "sent", C: "sent"}
        thread.log_soon(Done(B, REPLY, 0.5, None))
        await thread.close()

    asyncio.run(run())
    assert ledger.states() == {A: "done", B: "done", C: "sent"}
    ledger.close()


def test_a_failed_commit_reaches_everybody_who_waits(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.execute("PRAGMA max_page_count = 1")

    async def run() -> None:
        thread = LedgerThread(ledger)
        thread.start()
        waiting = [thread.log(Sent(Key("x" * 10_000, "owl", number), 1.0)) for number in range(5)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, LedgerError) for one in found)
        with pytest.raises(LedgerError, match=r"\(database or disk is full\); what it acknowledged is safe"):
            await thread.log(Sent(A, 1.0))
        with pytest.raises(LedgerError):
            await thread.close()

    asyncio.run(run())
    assert ledger.states() == {}
    ledger.close()


def test_answers_from_before_quantiles_were_kept_have_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = open_ledger(path)
    sure = Reply("4", "owl", "stop", None, 0.1, logprobs=(TokenLogprob("4", -0.25),))
    ledger.write([Sent(A, 1.0), Sent(B, 1.0), Done(A, sure, None, None), Done(B, REPLY, None, None)])
    ledger.close()
    with sqlite3.connect(path) as connection:
        old = '{"tokens":2,"mean":-0.5,"min":-0.75}'
        connection.execute("UPDATE answers SET logprob_stats = ? WHERE prompt_id = ?", (old, B.prompt_id))
    connection.close()
    stats = label_table(read_ledger(path))["logprob_stats"].to_pylist()
    assert [(each["min"], each["q00"], each["q50"]) for each in stats] == [(-0.25, -0.25, -0.25), (-0.75, None, None)]
