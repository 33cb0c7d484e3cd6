"""Where there is no folder for what saves time, that is said, and work goes on."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cerebros import caches


@pytest.fixture(autouse=True)
def said_nothing_yet():
    caches._say_once.cache_clear()
    yield
    caches._say_once.cache_clear()


def homeless(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(caches.CACHE_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)


def test_without_a_home_nothing_is_kept_and_that_is_said_once(monkeypatch, caplog):
    homeless(monkeypatch)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert caches.usable_cache_folder("programs") is None
    (record,) = caplog.records
    assert record.getMessage() == (
        "compiled programs are not kept: this user has no home folder; name another "
        "folder in CEREBROS_CACHE_DIR, or set it empty"
    )


def test_a_folder_that_cannot_be_made_is_said_once(monkeypatch, caplog, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(caches.CACHE_VARIABLE, str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert caches.usable_cache_folder("features") is None
    (record,) = caplog.records
    assert "Not a directory" in record.getMessage()


def test_a_full_disk_is_said(monkeypatch, caplog, tmp_path):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv(caches.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(caches.tempfile, "TemporaryFile", full)
    with caplog.at_level(logging.WARNING):
        assert caches.usable_cache_folder("programs") is None
    assert "No space left on device" in caplog.text


def test_a_named_folder_needs_no_home(monkeypatch, tmp_path):
    homeless(monkeypatch)
    monkeypatch.setenv(caches.CACHE_VARIABLE, str(tmp_path))
    assert caches.usable_cache_folder("programs") == tmp_path / "programs"


def test_an_empty_name_is_a_wish_and_not_said(monkeypatch, caplog):
    monkeypatch.setenv(caches.CACHE_VARIABLE, "")
    assert caches.usable_cache_folder("programs") is None
    assert not caplog.records


@pytest.mark.skipif(sys.platform != "linux", reason="makes up a home with NSS of Linux")
def test_keras_makes_no_folder_named_like_a_home(tmp_path):
    """As with a user that has neither HOME nor an entry among the users."""
    program = (
        "import pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "import cerebros, keras\n"
    )
    environment = {
        k: v for k, v in os.environ.items() if k not in ("HOME", "KERAS_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    assert not list(tmp_path.iterdir())
