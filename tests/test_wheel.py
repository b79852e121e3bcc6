"""The built wheel, installed apart from the checkout, does the main job."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel, and its dependencies by a path entry (they are gigabytes)."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(words, check=True, capture_output=True)
    (wheel,) = folder.glob("materia-*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-qq", "--no-deps", "--no-index", str(wheel)], check=True)
    # A path entry makes packages importable without running their .pth files, so the checkout stays out.
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


@pytest.mark.slow
def test_the_wheel_builds_the_sample_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MATERIA_HOME")}
    where = subprocess.run(
        [installed / "python", "-c", "import pipeline, assets; print(pipeline.__file__, assets.__file__)"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert str(ROOT) not in where
    words = [installed / "materia", "build", "--home", "home", "--until", "live_documents"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / "live_documents" / "_manifests" / "all.json").exists()


@pytest.mark.slow
def test_the_wheel_carries_the_query_page_and_its_questions(installed: Path) -> None:
    code = (
        "import kg.sparql_endpoint as e, kg.sparql_endpoint.examples as x, pathlib; p = pathlib.Path(e.__file__).parent; "
        "print((p / 'page' / 'yasgui' / 'LICENSE.txt').exists(), (p / 'page' / 'index.html').exists(), len(x.examples()) > 2)"
    )
    done = subprocess.run([installed / "python", "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.split() == ["True", "True", "True"]


@pytest.mark.slow
def test_the_wheel_carries_dagster_settings_and_the_sample(installed: Path) -> None:
    code = (
        "import assets, pipeline, pathlib; a = pathlib.Path(assets.__file__).parent; "
        "p = pathlib.Path(pipeline.__file__).parent / 'sample'; "
        "print((a / 'dagster.yaml').exists(), len(list((p / 'literature').iterdir())) > 2, any((p / 'vocabulary').iterdir()))"
    )
    done = subprocess.run([installed / "python", "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.split() == ["True", "True", "True"]
