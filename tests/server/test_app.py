"""Answers and refusals of a real server, asked over HTTP."""

import json
from collections.abc import Iterator

import pytest

pytest.importorskip("starlette", reason="needs pip install -r requirements-serve.txt")
pytest.importorskip("uvicorn", reason="needs pip install -r requirements-serve.txt")

from metaopt.storage.record_files import file_name
from metaopt.storage.study import Study
from tests.report.searched import search_study
from tests.server.serving import ask, serving

SECRET = "the content of a file outside of the study"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("served") / "results"
    found = search_study(folder, trials=5)
    (folder.parent / "secret.json").write_text(SECRET)
    (folder / "model_0.5000000000_000099.json").symlink_to(folder.parent / "secret.json")
    return found


@pytest.fixture(scope="module")
def address(study: Study) -> Iterator[str]:
    with serving(study.folder) as address:
        yield address


def test_the_only_study_is_the_first_page(address: str) -> None:
    answer = ask(address, "/")
    assert (answer.status, answer.headers["location"]) == (307, "studies/results/")
    page = ask(address, "/studies/results/")
    assert page.status == 200
    assert b"live.js" in page.body


def test_the_page_gets_everything_and_then_what_changed(address: str, study: Study) -> None:
    first = json.loads(ask(address, "/studies/results/changes?since=0").body)
    assert [row["trial"] for row in first["table"]["rows"]] == list(range(5))
    assert first["head"]["title"] == "results"
    assert first["order"] == [section["name"] for section in first["sections"]]
    later = json.loads(ask(address, f"/studies/results/changes?since={first['version']}").body)
    assert later["table"]["rows"] == later["sections"] == []
    assert "head" not in later
    search_study(study.folder, trials=7)
    changed = json.loads(ask(address, f"/studies/results/changes?since={first['version']}").body)
    assert {row["trial"] for row in changed["table"]["rows"]} <= {5, 6}


def test_records_come_from_memory(address: str, study: Study) -> None:
    record = study.records[2]
    answer = ask(address, f"/studies/results/records/{file_name(record)}")
    assert json.loads(answer.body)["trial"] == 2
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/studies/../../etc/passwd",
        "/studies/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/studies/results/../../../etc/passwd",
        "/studies/results/records/..%2f..%2f..%2fetc%2fpasswd",
        "/studies/results/records/model_0.5000000000_000099.json",
        "/studies/results/records/journal.jsonl",
        "/studies/results/journal.jsonl",
        "/studies/absent/",
        "/static/..%2f__init__.py",
        "/static/page.html",
        "//etc/passwd",
    ],
)
def test_nothing_else_is_served(address: str, path: str) -> None:
    answer = ask(address, path)
    assert answer.status == 404
    assert b"root:" not in answer.body
    assert SECRET.encode() not in answer.body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_gets_nothing(address: str, host: str) -> None:
    answer = ask(address, "/studies/results/changes", host=host)
    assert answer.status == 400
    assert b"results" not in answer.body


def test_localhost_is_a_name_of_this_machine(address: str) -> None:
    assert ask(address, "/studies/results/", host="localhost:1").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(address: str, method: str) -> None:
    assert ask(address, "/studies/results/", method).status == 405


def test_every_answer_has_the_policy(address: str) -> None:
    for path in ("/", "/studies/results/", "/studies/results/changes", "/static/page.js", "/absent"):
        headers = ask(address, path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_odd_numbers_in_addresses_count_as_none(address: str) -> None:
    for since in ("-1", "x", "1e9", "%00", "9" * 40):
        assert json.loads(ask(address, f"/studies/results/changes?since={since}").body)["head"]
