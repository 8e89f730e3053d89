"""URLs in messages and records."""

from urllib.parse import urlsplit


def is_url(text: str) -> bool:
    """Return whether a text is a URL rather than a path."""
    return "://" in text


def without_secrets(url: str) -> str:
    """Return a URL without its account and its parameters: both may hold a password or a key."""
    parts = urlsplit(url)
    _, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{'…' if at else ''}{at}{host}{parts.path}"
