"""The ledger's tables, and the way from an older version of them to this one."""

import sqlite3

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE prompts (prompt_id TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE prompt_tables (sha256 TEXT PRIMARY KEY, number INTEGER NOT NULL, arrow BLOB NOT NULL);
    CREATE TABLE models (model TEXT PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE answers (
        prompt_id TEXT NOT NULL,
        model TEXT NOT NULL,
        sample INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('sent', 'lost', 'done', 'failed')),
        reserved_usd REAL,
        maybe_paid INTEGER NOT NULL DEFAULT 0,
        maybe_paid_usd REAL DEFAULT 0,
        attempts INTEGER,
        response TEXT,
        finish_reason TEXT,
        resolved_model TEXT,
        latency_s REAL,
        prompt_tokens INTEGER,
        completion_tokens INTEGER,
        cached_tokens INTEGER,
        cache_write_tokens INTEGER,
        reasoning_tokens INTEGER,
        logprob_stats TEXT,
        cost_usd REAL,
        price_date TEXT,
        quality REAL,
        judge TEXT,
        judge_version TEXT,
        reference_digest BLOB,
        error TEXT,
        error_text TEXT,
        PRIMARY KEY (prompt_id, model, sample)
    );
    """,
)


class LedgerError(OSError):
    """The ledger cannot be read, written or used; the message says what to do."""


def migrate(connection: sqlite3.Connection, where: str, migrations: tuple[str, ...] = MIGRATIONS) -> None:
    """Bring a ledger to this version; an empty file is version 0.

    Args:
        connection: in autocommit mode.
        where: the file, for the error.
        migrations: the statements that lead from version n to n + 1, n from 0.

    Raises:
        LedgerError: a newer version of anabranch wrote it.

    >>> connection = sqlite3.connect(":memory:", isolation_level=None)
    >>> migrate(connection, "ledger")
    >>> connection.execute("PRAGMA user_version").fetchone()
    (1,)
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(migrations):
        raise LedgerError(
            f"{where} has version {version}, and this anabranch reads up to {len(migrations)}; "
            "use the anabranch that wrote it, or another --out"
        )
    for number in range(version, len(migrations)):
        script = f"BEGIN IMMEDIATE; {migrations[number]}; PRAGMA user_version = {number + 1}; COMMIT;"
        connection.executescript(script)
