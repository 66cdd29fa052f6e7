"""A server of PostgreSQL for tests, in a folder of its own, which can be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

USER = "agent"
MISSING = "no PostgreSQL on this machine: `apt-get install postgresql` brings the one that these tests use"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest there is."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if (named := shutil.which("initdb")) is not None:
        found.append(Path(named).parent)
    return max(found, key=lambda path: [int(part) if part.isdigit() else 0 for part in path.parts], default=None)


class PostgreSQL:
    """One server on a unix socket, which whoever is on this machine may use.

    Args:
        programs: The folder of its programs.
        syncs: Whether a commit waits for the disk, as it does by default; tests need no disk that survives them.
    """

    def __init__(self, programs: Path, *, syncs: bool = False) -> None:
        self._programs = programs
        self._syncs = syncs
        self._folder = tempfile.TemporaryDirectory(prefix="agent-sdk-postgresql-")
        self.place = self._folder.name
        self.user = "postgres" if os.geteuid() == 0 else None  # As root it refuses to run.
        if self.user:
            shutil.chown(self.place, self.user, self.user)
        try:
            self._run("initdb", "-A", "trust", "-N", "-U", USER, "--locale=C.UTF-8", "-E", "UTF8")
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return self._url_of("postgres")

    def start(self) -> None:
        settings = f"-k {self.place} -c listen_addresses= -c fsync={'on' if self._syncs else 'off'}"
        self._run("pg_ctl", "-w", "-l", f"{self.place}/log", "-o", settings, "start")

    @property
    def runs(self) -> bool:
        """Whether it has neither been stopped nor failed to start."""
        return (Path(self.place) / "data" / "postmaster.pid").exists()

    def stop(self) -> None:
        """Stop it as a crash does: what it was about to commit is not committed."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        if self.runs:
            self.stop()
        self._folder.cleanup()

    def empty(self) -> None:
        """Take away all that tests have stored."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def another(self, name: str) -> str:
        """Make one more database, and return its URL."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url_of(name)

    def truncate(self, url: str, *, but: str) -> None:
        """Take away all that the tables of a database hold, but for one of them."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(url, autocommit=True) as connection:
            names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in names if name != but)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))

    def _url_of(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.place}"

    def _run(self, *command: str) -> None:
        told: subprocess.CompletedProcess[Any] = subprocess.run(
            [str(self._programs / command[0]), "-D", f"{self.place}/data", *command[1:]],
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # The server keeps what it inherits, and a pipe would never end.
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
            user=self.user,
            group=self.user,
        )
        assert told.returncode == 0, f"{command[0]}: see {self.place}/log"
