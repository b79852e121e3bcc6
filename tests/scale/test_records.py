"""Dagster's records in a real PostgreSQL: what it refuses is one sentence without a password, and a database belongs to one home."""

from pathlib import Path

import pytest

from assets.home import open_home
from assets.records import POSTGRES, check_postgres, dagster_environment, records_opened
from pipeline.errors import MateriaError

pytestmark = pytest.mark.scale


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda url: url.replace("materia:", "materia:not-"), "password authentication failed"),
        (lambda url: url.replace("/postgres", "/nowhere"), 'database "nowhere" does not exist'),
        (lambda url: url.rpartition(":")[0] + ":1/postgres", "Connection refused"),
    ],
    ids=["a wrong password", "no such database", "no server"],
)
def test_a_server_that_refuses_is_one_sentence_without_the_password(database, wrong, said, monkeypatch) -> None:
    url = wrong(database)
    monkeypatch.setenv(POSTGRES, url)
    with pytest.raises(MateriaError, match=said) as told:
        check_postgres()
    assert "\n" not in str(told.value)
    assert url.partition("@")[0].rpartition(":")[2] not in str(told.value)


def test_a_database_holds_the_records_of_one_home_and_settings_passed_on_hold_no_password(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other = open_home(str(tmp_path / "home")), open_home(str(tmp_path / "other"))
    for name, value in dagster_environment(home).items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        with records_opened(home) as instance:  # as it is given to the processes of runs, in their arguments
            assert database.partition("@")[0].rpartition(":")[2] not in str(instance.get_ref().to_dict())
    with pytest.raises(MateriaError, match=f"holds Dagster's records of the home {home.url}, and not of {other.url}"):
        with records_opened(other):
            pass
