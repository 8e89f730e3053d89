"""URLs in messages and records."""

import pytest

from metaopt.values.urls import is_url, without_secrets


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("postgresql://host:5432/opt", "postgresql://host:5432/opt"),
        ("postgresql+psycopg2://ann@host:5432/opt", "postgresql+psycopg2://…@host:5432/opt"),
        ("postgresql://ann:p@ss@host/opt?sslmode=require&password=word", "postgresql://…@host/opt"),
        ("mysql://:word@host/opt", "mysql://…@host/opt"),
        ("s3://key:secret@bucket/folder?region=eu-west-1", "s3://…@bucket/folder"),
    ],
)
def test_secrets_are_left_out(url: str, expected: str) -> None:
    assert without_secrets(url) == expected


def test_a_path_is_no_url() -> None:
    assert is_url("s3://bucket")
    assert not is_url("/tmp/a.db")
