"""A PostgreSQL server on this machine: the one of Debian's package `postgresql`, with a cluster of its own in a given folder.

A second to make the cluster, and 40 MiB of disk. It listens on a free port of this machine and wants a password, made up anew each
time, so that whatever shows the URL to somebody can be found out. It does not wait for the disk (`fsync=off`): its data are gone
with the folder anyway. PostgreSQL refuses to run as root; then it runs as the user that the package made, or `nobody`.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from servers.ports import free_port

__all__ = ["find_programs", "postgres_server"]

_PATIENCE_S = 60
_USERS = ("postgres", "nobody")


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """Start a server with an empty database, and stop it; a postgresql:// URL with user and password.

    Args:
        folder: where its data will stand; made here, and left. As root, the folders above it are opened for other users to pass.

    Raises:
        RuntimeError: PostgreSQL is not installed, or does not start; what it said.
    """
    programs = find_programs()
    folder.mkdir(parents=True, exist_ok=True)
    as_user = _user(folder)
    password, port = secrets.token_urlsafe(16), free_port()
    secret, data, log = folder / "password", folder / "data", folder / "log"
    secret.write_text(password)
    secret.chmod(0o600)
    for made in (folder, secret):
        if as_user:
            shutil.chown(made, *as_user.values())
    words = ["--auth=scram-sha-256", "--username=materia", "--encoding=UTF8", "--locale=C", "--no-sync"]
    _run([programs / "initdb", *words, f"--pgdata={data}", f"--pwfile={secret}"], folder, as_user)
    secret.unlink()
    settings = f"-h 127.0.0.1 -p {port} -k '' -c fsync=off -c shared_buffers=32MB"
    control = [programs / "pg_ctl", f"--pgdata={data}", "--wait", f"--timeout={_PATIENCE_S}"]
    _run([*control, f"--log={log}", f"--options={settings}", "start"], folder, as_user)
    try:
        yield f"postgresql://materia:{password}@127.0.0.1:{port}/postgres"
    finally:
        with suppress(RuntimeError):  # it was stopped by whoever was given it
            _run([*control, "--mode=immediate", "stop"], folder, as_user)


def find_programs() -> Path:
    """The folder with `initdb` and `pg_ctl`: the newest of Debian's, else one on PATH.

    Raises:
        RuntimeError: PostgreSQL is not installed.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which("initdb")
    if found is None or not Path(found).resolve().with_name("pg_ctl").exists():
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return Path(found).resolve().parent


def _user(folder: Path) -> dict[str, int]:
    """User and group to run as, as `subprocess` takes them; {} where this process may run it itself."""
    if os.geteuid() != 0:
        return {}
    for name in _USERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            for above in folder.resolve().parents:  # pytest's folders are closed to others
                if not above.stat().st_mode & 0o001:
                    above.chmod(above.stat().st_mode | 0o011)
            return {"user": entry.pw_uid, "group": entry.pw_gid}
    raise RuntimeError(f"PostgreSQL does not run as root, and there is no user {' or '.join(_USERS)}")


def _run(command: list[str | Path], folder: Path, as_user: dict[str, int]) -> None:
    # To a file, not a pipe: the server keeps it open and would never let the reader come to an end.
    said = folder / "said"
    with said.open("wb") as output:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, **as_user
        )
    if done.returncode:
        log = folder / "log"
        more = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise RuntimeError(f"{Path(command[0]).name} failed: {said.read_text(errors='replace')[-2000:]} {more}")
