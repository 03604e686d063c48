"""Files with personal data are their owner's alone, whoever makes them and however they were."""

import os
import stat
from pathlib import Path

import pytest

from order_service.notifications.cloud_events import JsonLines
from order_service.notifications.port import Event
from order_service.storage.database import open_database
from order_service.storage.migrate import migrate
from serving.private_files import private_directory, private_file
from serving.processes import ChildProcess
from serving.start import StartError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _usual_umask() -> None:
    os.umask(0o022)


@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o640])
def test_a_file_is_made_private_or_mended(tmp_path: Path, before: int | None) -> None:
    path = tmp_path / "orders.db"
    if before is not None:
        path.write_text("kept")
        path.chmod(before)
    private_file(path)
    assert mode_of(path) == 0o600
    assert path.read_text() == ("" if before is None else "kept")


@pytest.mark.parametrize("before", [None, 0o755, 0o777])
def test_a_directory_is_made_private_or_mended(tmp_path: Path, before: int | None) -> None:
    path = tmp_path / "a" / "data"
    if before is not None:
        path.mkdir(parents=True)
        path.chmod(before)
    assert private_directory(path) == path
    assert mode_of(path) == 0o700


def test_a_directory_that_is_for_everybody_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    private_directory(tmp_path)
    assert mode_of(tmp_path) == 0o1777


def test_what_cannot_be_mended_is_refused_and_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "orders.db"
    path.touch(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(StartError, match=rf"mode 0644.*chmod go= {path}"):
        private_file(path)


async def test_a_database_and_the_files_beside_it_are_private(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    path.touch(0o644)
    database = open_database(f"sqlite:///{path}")
    await migrate(database)
    names = {name: mode_of(tmp_path / name) for name in os.listdir(tmp_path)}
    assert names == dict.fromkeys(("orders.db", "orders.db-wal", "orders.db-shm"), 0o600)
    await database.close()


async def test_notifications_and_logs_are_private(tmp_path: Path) -> None:
    lines, log = tmp_path / "notifications.jsonl", tmp_path / "part.log"
    for _ in range(2):
        await JsonLines(lines).publish(Event("e1", "t", "o1", "default", {}, 1))
    assert (mode_of(lines), len(lines.read_text().splitlines())) == (0o600, 2)
    with ChildProcess(["true"], errors=log) as child:
        child.wait()
    assert mode_of(log) == 0o600


@pytest.mark.usefixtures("no_log")
def test_a_mend_before_there_is_a_log_is_said_beside_what_the_process_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "orders.db"
    path.touch(0o644)
    private_file(path)
    said = capsys.readouterr()
    assert said.out == ""
    assert str(path) in said.err
