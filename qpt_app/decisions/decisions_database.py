"""The SQLite file of decisions: opened, checked, migrated, and written to in transactions.

It lies apart from the score cache, which may be thrown away at any time; this file may not.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from qpt_app.core.network_drive import is_on_network_drive
from qpt_app.decisions import backups
from qpt_app.decisions.schema import APPLICATION_ID, MIGRATIONS
from qpt_app.errors import DecisionsError, NewerSchemaError, StorageError

DATABASE_NAME: Final = "decisions.sqlite"

BUSY_TIMEOUT_S: Final = 30.0
"""How long one program waits for another that writes (reliability reference, section 6)."""

_DAMAGE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What sqlite3 raises; the second when SQLite's own message quotes damaged bytes."""


_NO_DAMAGE: Final = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
}
_NO_DAMAGE_IO: Final = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
}
"""What SQLite reports of a full, closed or busy drive; the database itself is as it was."""


class DecisionsDatabase:
    """One open decisions database. Several threads may use it; they take turns."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._depth = 0

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        now: float,
        on_network_drive: bool | None = None,
        migrations: Sequence[str] = MIGRATIONS,
    ) -> DecisionsDatabase:
        """Open the database in `folder`, making both if there are none.

        It is checked (`PRAGMA quick_check`), backed up once a day and before a migration, and
        migrated to the newest version.

        Args:
            folder: the data folder of qpt.
            now: the present time in seconds since the epoch.
            on_network_drive: whether the folder is on a network drive, where SQLite's WAL does
                not work; the slower rollback journal is used there. None asks the system.
            migrations: the scripts that make the tables; tests pass others.

        Raises:
            NewerSchemaError: if a newer qpt wrote it; it is left as it is.
            DecisionsError: if it is damaged or no decisions database; it is left as it is.
            StorageError: if the folder cannot be written to.
        """
        path = Path(folder) / DATABASE_NAME
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = _connect(path)
        except (OSError, sqlite3.OperationalError) as error:
            raise StorageError(f"cannot open {path}: {error}") from error
        if on_network_drive is None:
            on_network_drive = is_on_network_drive(path.parent)
        try:
            _check(connection, path, len(migrations))
            _prepare(connection, path, now, on_network_drive, migrations)
        except _DAMAGE as error:
            connection.close()
            if _is_no_damage(error):
                raise StorageError(f"cannot open {path}: {error}") from error
            raise _damaged(path, str(error)) from error
        except BaseException:
            connection.close()
            raise
        return cls(connection, path)

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Make everything in the block one change: all of it is kept, or none of it.

        A block within a block belongs to the outer one. When the outermost ends, the change is on
        the disk; it survives a kill at once, and a power cut too.

        Args:
            durable: False lets a power cut lose the change (never the database): for what can be
                found out again, because it costs no wait for the disk.

        Raises:
            StorageError: if the disk is full or the file cannot be written; nothing was changed.
            DecisionsError: if the database turns out to be damaged.
        """
        with self._lock:
            if self._depth:
                yield
                return
            try:
                level = "FULL" if durable else "NORMAL"
                self._connection.execute(f"PRAGMA synchronous = {level}")
                self._connection.execute("BEGIN IMMEDIATE")
                self._depth = 1
                yield
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._roll_back()
                raise StorageError(f"cannot write {self.path}: {error}") from error
            except _DAMAGE as error:
                self._roll_back()
                raise _damaged(self.path, str(error)) from error
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._depth = 0

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one statement that changes rows, inside `transaction`; return the new row id."""
        with self._lock:
            assert self._depth, "a change outside of a transaction"
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query.

        Raises:
            DecisionsError: if the database turns out to be damaged or locked for too long.
        """
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except _DAMAGE as error:
                raise DecisionsError(f"cannot read {self.path}: {error}") from error

    def row(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        found = self.rows(statement, values)
        return found[0] if found else None

    def close(self) -> None:
        """Close the file. What was committed is on the disk already."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> DecisionsDatabase:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def check_database(path: Path) -> None:
    """Check a decisions database, or a backup of one, without changing it.

    Raises:
        NewerSchemaError: if a newer qpt wrote it.
        DecisionsError: if it is damaged or no decisions database.
        StorageError: if it cannot be opened.
    """
    if not path.is_file():
        raise StorageError(f"cannot open {path}: there is no such file")
    try:
        with contextlib.closing(_connect(path)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise _damaged(path, "it is empty")
            _check(connection, path, len(MIGRATIONS))
    except sqlite3.OperationalError as error:
        raise StorageError(f"cannot open {path}: {error}") from error
    except _DAMAGE as error:
        raise _damaged(path, str(error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda text: text.decode("utf-8", errors="replace")  # damaged bytes
    return connection


def _check(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    """Refuse what is damaged, foreign or newer, before anything is written to it."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application != APPLICATION_ID and (application or version or tables):
        raise DecisionsError(f"{path} is no decisions database of qpt; move it away and try again")
    if version > newest:
        raise NewerSchemaError(
            f"{path} was written by a newer qpt (version {version}, this one knows {newest}); "
            "update qpt to use it"
        )
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise _damaged(path, str(problem).splitlines()[0])


def _prepare(
    connection: sqlite3.Connection,
    path: Path,
    now: float,
    on_network_drive: bool,
    migrations: Sequence[str],
) -> None:
    connection.execute(f"PRAGMA journal_mode = {'TRUNCATE' if on_network_drive else 'WAL'}")
    connection.execute("PRAGMA synchronous = FULL")  # a decision survives a power cut too
    connection.execute("PRAGMA foreign_keys = ON")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version and (version < len(migrations) or backups.is_due(path.parent, now=now)):
        backups.make_backup(connection, path.parent, now=now)
    for number, script in enumerate(migrations, start=1):
        _migrate(connection, number, script)


def _migrate(connection: sqlite3.Connection, number: int, script: str) -> None:
    """Run migration `number` unless it was run already, by another program perhaps."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if int(connection.execute("PRAGMA user_version").fetchone()[0]) < number:
            for statement in script.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
            connection.execute(f"PRAGMA user_version = {number:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise


def _is_no_damage(error: Exception) -> bool:
    """Whether the drive is the trouble, not what is written in the database."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF in _NO_DAMAGE or code in _NO_DAMAGE_IO)


def _damaged(path: Path, problem: str) -> DecisionsError:
    newest = backups.newest_backup(path.parent)
    mend = "there is no backup; move the file away to begin anew"
    if newest is not None:
        mend = f"`qpt decisions restore` puts the newest backup back ({newest})"
    return DecisionsError(f"the decisions database {path} is damaged ({problem}); {mend}")
