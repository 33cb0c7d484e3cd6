"""`cerebros cache`: what is kept from search to search."""

import json

import pytest

from cerebros.caches import CACHE_VARIABLE

KEY = "0123456789abcdef" * 2


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    for name, size in (
        ("programs/jit_a-cache", 3000),
        ("programs/jit_a-atime", 8),
        ("programs/of the user", 1),
        (f"features/{KEY}.npy", 2 * 2**20),
        (f"features/{KEY}.json", 100),
        (f"features/.{KEY}.npy.77", 10),
        ("features/mine.npy", 1),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(size))
    return tmp_path


def names(cache):
    return sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if p.is_file())


def test_it_lists_kinds_entries_and_sizes(run, cache):
    done = run("cache")
    assert done.code == 0
    assert "2.0" in done.out
    assert str(cache / "features") in done.out
    data = json.loads(run("cache", "--json").out)
    assert [(d["kind"], d["entries"], d["bytes"]) for d in data] == [
        ("programs", 1, 3008),
        ("features", 1, 2 * 2**20 + 110),
    ]


def test_it_clears_a_kind_and_only_what_is_its_own(run, cache):
    done = run("cache", "--clear", "features")
    assert done.code == 0
    assert "2.0 MiB" in done.err
    assert names(cache) == [
        "features/mine.npy",
        "programs/jit_a-atime",
        "programs/jit_a-cache",
        "programs/of the user",
    ]
    assert run("cache", "--clear", "all").code == 0
    assert names(cache) == ["features/mine.npy", "programs/of the user"]


def test_nothing_kept_is_no_error(run, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "absent"))
    assert run("cache").code == 0
    assert run("cache", "--clear", "all").code == 0
    monkeypatch.setenv(CACHE_VARIABLE, "")
    done = run("cache")
    assert done.code == 0
    assert CACHE_VARIABLE in done.err
