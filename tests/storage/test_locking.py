"""Locks of a study."""

import pytest

from metaopt.errors import UserError
from metaopt.storage.locking import exclusive, is_searched, lock_file, lock_folder


def test_a_lock_is_held_within_the_context_only(tmp_path):
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"")
    with exclusive(tmp_path, journal, "changed"):
        assert is_searched(tmp_path, journal)
        with pytest.raises(UserError, match=r"A search is running on .*: stop it first\. Nothing was deleted\."):
            exclusive(tmp_path, journal, "deleted").__enter__()
    assert not is_searched(tmp_path, journal)


@pytest.mark.parametrize("which", ["folder", "journal"])
def test_either_lock_of_a_search_counts(tmp_path, which):
    journal = tmp_path / "journal.jsonl"
    with open(journal, "ab") as file:
        held = lock_folder(tmp_path) if which == "folder" else lock_file(file)
        assert is_searched(tmp_path, journal)
        with pytest.raises(UserError, match="A search is running"), exclusive(tmp_path, journal, "changed"):
            pass
        if held is not None:
            held.release()
    assert not is_searched(tmp_path, journal)
