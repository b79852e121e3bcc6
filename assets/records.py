"""Where Dagster's records of a home stand: beside it in SQLite, or in PostgreSQL, where MATERIA_POSTGRES holds its URL.

PostgreSQL is for records that several machines share: a daemon here, web pages there, runs on a cluster. The settings name the variable
and never hold its value, so that no file, argument or page shows the password. One database holds the records of one home: names
of assets are the same in all homes. Runs queue, one at a time, since a home has one writer; what a run has to do in
parallel its engine spreads. Costs: a second to make the tables, 10 to 20 ms an event, as with SQLite.

Rejected: reading the URL from materia.yaml (a home's record would hold a password).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import yaml

from assets.home import Home
from pipeline.errors import MateriaError
from pipeline.hashing import hash_fields

if TYPE_CHECKING:
    import dagster as dg

__all__ = [
    "POSTGRES",
    "check_postgres",
    "dagster_environment",
    "dagster_folder",
    "known_file",
    "records_opened",
    "records_place",
]

#: Names the variable of the environment that holds a URL, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
POSTGRES = "MATERIA_POSTGRES"
#: SQLAlchemy 2.1 takes `postgresql://` for psycopg 3; dagster-postgres brings psycopg2.
_PLAIN, _WITH_DRIVER = "postgresql://", "postgresql+psycopg2://"
_CONNECT_S = 10
_HOME_KEY = "materia/home"


def dagster_folder(home: Home) -> Path:
    """The folder on this machine with Dagster's settings of a home, and its records where they are in SQLite.

    The settings are those of dagster.yaml, less the folders.
    """
    folder = home.path / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shipped = Path(__file__).parent / "dagster.yaml"
    source = shipped if shipped.exists() else Path(__file__).parents[1] / "dagster.yaml"
    settings = yaml.safe_load(source.read_text(encoding="utf-8"))
    for key in ("storage", "local_artifact_storage", "compute_logs"):
        settings.pop(key, None)
    if os.environ.get(POSTGRES):
        settings["storage"] = {"postgres": {"postgres_url": {"env": POSTGRES}}}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def dagster_environment(home: Home) -> dict[str, str]:
    """The variables by which Dagster's processes find a home, its settings and its records."""
    found = {"MATERIA_HOME": str(home.url), "DAGSTER_HOME": str(dagster_folder(home))}
    if url := os.environ.get(POSTGRES):
        found[POSTGRES] = url.replace(_PLAIN, _WITH_DRIVER, 1)
    return found


def records_place(home: Home) -> str:
    """Where the records stand, for people: without user and password.

    Raises:
        MateriaError: what the variable holds is no URL of PostgreSQL.
    """
    url = os.environ.get(POSTGRES)
    return f"PostgreSQL at {_place(url)}" if url else f"SQLite in {home.path / 'dagster'}"


def known_file(home: Home) -> Path:
    """The file on this machine that keeps what the records know (`assets.recorded`): one for each place they ever stood in."""
    url = os.environ.get(POSTGRES)
    return home.path / "dagster" / (f"recorded-{hash_fields(_place(url))[:16]}.json" if url else "recorded.json")


def check_postgres() -> None:
    """See that PostgreSQL answers, where the records are to stand there.

    Raises:
        MateriaError: the extra is missing, what the variable holds is no URL, or the server is down or refuses.
    """
    url = os.environ.get(POSTGRES)
    if not url:
        return
    place = f"PostgreSQL at {_place(url)}"
    try:
        import dagster_postgres  # noqa: F401
        import psycopg2
    except ImportError as error:
        raise MateriaError(
            f"{POSTGRES} is set, and what Dagster needs for PostgreSQL is not installed",
            remedy='Install it: pip install "materia[postgres]"',
        ) from error
    try:
        psycopg2.connect(url.replace(_WITH_DRIVER, _PLAIN, 1), connect_timeout=_CONNECT_S).close()
    except psycopg2.Error as error:
        raise _unreachable(place, error, url) from None


@contextmanager
def records_opened(home: Home) -> Iterator[dg.DagsterInstance]:
    """Dagster's records of a home, in a process that has `dagster_environment`.

    Raises:
        MateriaError: as `check_postgres`; or the database holds those of another home.
    """
    import dagster as dg

    url = os.environ.get(POSTGRES)
    check_postgres()
    if not url:
        with dg.DagsterInstance.get() as instance:
            yield instance
        return
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    place = f"PostgreSQL at {_place(url)}"
    try:
        with dg.DagsterInstance.get() as instance:
            _claim(instance, home, place)
            yield instance
    except (SQLAlchemyError, DagsterPostgresException) as error:
        raise _unreachable(place, getattr(error, "orig", None) or error, url) from None


def _claim(instance: dg.DagsterInstance, home: Home, place: str) -> None:
    """Note whose records the database holds."""
    cursors = instance.daemon_cursor_storage
    owner = cursors.get_cursor_values({_HOME_KEY}).get(_HOME_KEY)
    if owner not in (None, str(home.url)):
        raise MateriaError(
            f"holds Dagster's records of the home {owner}, and not of {home.url}",
            file=place,
            remedy=f"Make a database for each home, and set {POSTGRES} to this one's",
        )
    if owner is None:
        cursors.set_cursor_values({_HOME_KEY: str(home.url)})


def _place(url: str) -> str:
    """Host, port and database of a URL. What is wrong with one is said without showing it, since it may hold a password anywhere."""
    try:
        parts = urlsplit(url)
        user, _, _ = parts.netloc.rpartition("@")
        odd = "@" in user + parts.path + parts.query or parts.fragment
        if f"{parts.scheme}://" in (_PLAIN, _WITH_DRIVER) and parts.hostname and parts.path.strip("/") and not odd:
            return f"{parts.hostname}:{parts.port or 5432}{parts.path}"
    except ValueError:
        pass
    raise MateriaError(
        "is no URL of a PostgreSQL database",
        file=POSTGRES,
        remedy="Set it to postgresql://USER:PASSWORD@HOST:PORT/DATABASE, and write odd signs of the password as %-codes",
    )


def _unreachable(place: str, error: BaseException, url: str) -> MateriaError:
    password = urlsplit(url).password
    said = " ".join(str(error).split()) or type(error).__name__
    for secret in {url, password, unquote(password or "")} - {None, ""}:
        said = said.replace(str(secret), "***")
    return MateriaError(
        f"cannot be used for Dagster's records ({said})",
        file=place,
        remedy=f"Start it, or correct {POSTGRES}; without that the records stand in SQLite beside the home",
    )
