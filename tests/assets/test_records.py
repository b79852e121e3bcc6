"""Where Dagster's records stand: settings that name no password, and one sentence for what is wrong with PostgreSQL."""

import sys
from pathlib import Path

import pytest
import yaml

from assets.home import open_home
from assets.records import POSTGRES, check_postgres, dagster_folder, known_file, records_place
from pipeline.errors import MateriaError

URL = "postgresql://reader:s3cr%40t@db.example:6432/materia"


def test_the_settings_name_the_variable_and_no_file_holds_the_password(tmp_path: Path, monkeypatch):
    monkeypatch.setenv(POSTGRES, URL)
    home = open_home(str(tmp_path))
    settings = yaml.safe_load((dagster_folder(home) / "dagster.yaml").read_text())
    assert settings["storage"] == {"postgres": {"postgres_url": {"env": "MATERIA_POSTGRES"}}}
    assert settings["run_coordinator"]["config"]["max_concurrent_runs"] == 1
    assert not any("s3cr" in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert records_place(home) == "PostgreSQL at db.example:6432/materia"


def test_without_it_they_stand_in_sqlite_and_what_is_known_of_each_is_kept_apart(tmp_path: Path, monkeypatch):
    monkeypatch.delenv(POSTGRES, raising=False)
    home = open_home(str(tmp_path))
    assert "storage" not in yaml.safe_load((dagster_folder(home) / "dagster.yaml").read_text())
    assert records_place(home) == f"SQLite in {tmp_path / 'dagster'}"
    check_postgres()
    here = known_file(home)
    monkeypatch.setenv(POSTGRES, URL)
    assert known_file(home) != here


@pytest.mark.parametrize(
    "url",
    [
        "s3cr@t",
        "mysql://reader:s3cr@db/materia",
        "postgresql://reader:s3cr@t@db/materia",
        "postgresql://reader:12/s3cr@db/materia",
        "postgresql://reader:12#s3cr@db/materia",
        "postgresql://reader:12?s3cr@db/materia",
        "postgresql://reader:s3cr@db:many/materia",
        "postgresql://reader:s3cr@db",
    ],
)
def test_a_wrong_url_is_said_without_showing_it(url: str, monkeypatch):
    monkeypatch.setenv(POSTGRES, url)
    with pytest.raises(MateriaError, match="MATERIA_POSTGRES: is no URL of a PostgreSQL database") as told:
        check_postgres()
    assert "s3cr" not in str(told.value)


def test_the_extra_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv(POSTGRES, URL)
    monkeypatch.setitem(sys.modules, "dagster_postgres", None)
    with pytest.raises(MateriaError, match=r'pip install "materia\[postgres\]"'):
        check_postgres()
