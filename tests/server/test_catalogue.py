"""Which studies are served: named ones and those in folders, also such that appear later."""

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs pip install -r requirements-serve.txt")

from metaopt.errors import UserError
from metaopt.server import catalogue
from metaopt.server.catalogue import Catalogue
from metaopt.server.overview import Overview
from metaopt.storage.journal_lines import encode
from metaopt.storage.study import JOURNAL
from tests.engine.synthetic import search
from tests.server.serving import ask, serving


def test_studies_of_a_folder_are_found_also_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "SCAN_S", 0.0)
    search(tmp_path / "a" / "results", trials=1)
    found = Catalogue([tmp_path])
    assert [feed.slug for feed in found.feeds()] == ["results"]
    assert not found.is_single
    search(tmp_path / "b" / "results", trials=1)
    assert [feed.slug for feed in found.feeds()] == ["results", "results-2"]
    assert found.find("results-2").folder == tmp_path / "b" / "results"
    assert found.find("../b/results") is None


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    search(tmp_path / "outside" / "results", trials=1)
    inside = tmp_path / "inside"
    search(inside / "own", trials=1)
    (inside / "linked").symlink_to(tmp_path / "outside" / "results")
    (inside / "file").mkdir()
    (inside / "file" / JOURNAL).symlink_to(tmp_path / "outside" / "results" / JOURNAL)
    assert [feed.slug for feed in Catalogue([inside]).feeds()] == ["own"]


def test_hostile_names_of_studies_are_harmless_in_addresses(tmp_path: Path) -> None:
    search(tmp_path / "<script>\x1b", trials=1)
    (feed,) = Catalogue([tmp_path]).feeds()
    assert not set(feed.slug) & set("<>\x1b/")


def test_a_study_that_cannot_be_read_is_one_sentence_among_others(tmp_path: Path) -> None:
    search(tmp_path / "good", trials=2)
    bad = search(tmp_path / "later", trials=1).folder / JOURNAL
    bad.write_bytes(encode({"seq": 0, "group": 0, "event": "study", "schema": 99, "version": "9.0"}))
    if hasattr(os, "mkfifo"):
        (tmp_path / "pipe").mkdir()
        os.mkfifo(tmp_path / "pipe" / JOURNAL)
    overview = Overview().document(Catalogue([tmp_path]).feeds())
    errors = {study["name"]: study.get("error", "") for study in overview["studies"]}
    assert errors["good"] == ""
    assert "was written by metaopt 9.0" in errors["later"]
    assert "pipe" not in errors or "named pipe" in errors["pipe"]


def test_a_place_without_a_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no study in"):
        Catalogue([tmp_path])
    with pytest.raises(UserError, match="There is no folder"):
        Catalogue([tmp_path / "absent"])


def test_several_studies_are_side_by_side(tmp_path: Path) -> None:
    for seed in (0, 1):
        search(tmp_path / f"seed{seed}", trials=4, seed=seed)
    with serving(tmp_path / "seed0", tmp_path / "seed1") as address:
        assert b"overview.js" in ask(address, "/").body
        overview = json.loads(ask(address, "/overview").body)
    assert [study["address"] for study in overview["studies"]] == ["studies/seed0/", "studies/seed1/"]
    assert [study["trials"] for study in overview["studies"]] == [4, 4]
    (section,) = overview["sections"]
    assert [len(panel["figure"]["data"]) for panel in section["panels"]] == [2, 2, 2]
