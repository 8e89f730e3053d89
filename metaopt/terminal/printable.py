r"""Text that is safe to show: control characters, bidi overrides and undecodable bytes become visible escapes.

A name of a file, a class or a study, and the text of an error, can hold any character. A terminal obeys some of them:
it moves the cursor, hides a line, or shows a name from right to left. Such characters are shown as Python writes them
in a string, e.g. ``\x1b``. Everything else stays, so that letters of every language are shown.
"""

import hashlib
import os
import re
import shlex

# C0 and C1 controls, DEL, invisible format characters except the joiners that scripts and emoji need, line separators,
# bidi controls, and surrogates, which stand for bytes that are no text.
_UNSAFE = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSAFE_IN_LINE = re.compile(f"[{_UNSAFE}]")
_UNSAFE_IN_LINES = re.compile(f"(?![\n\t])[{_UNSAFE}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: object) -> str:
    r"""Return text as one line that can be shown anywhere; a byte of a file name that is no text becomes e.g. ``\xe9``.

    Args:
        text: a string, or an object such as a path.
    """
    return _UNSAFE_IN_LINE.sub(_escape, str(text))


def printable_lines(text: object) -> str:
    """Return text that can be shown anywhere, with its line breaks and tabs."""
    return _UNSAFE_IN_LINES.sub(_escape, str(text))


def printable_json(text: str, encoding: str | None = None) -> str:
    """Return JSON text of the same content that can be shown on a terminal and written in an encoding.

    Args:
        text: a JSON document, or several; control characters other than line breaks occur only within its strings.
        encoding: characters that it lacks are escaped too; None for one that has all.
    """
    text = _UNSAFE_IN_LINES.sub(_escape_json, text)
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        text = re.sub("[^\x00-\x7f]", _escape_json, text)
    return text


def shell_word(word: str) -> str:
    r"""Return a word for a shell; one with control characters is quoted as bash and zsh escape them: ``$'caf\xe9'``."""
    if printable(word) == word:
        return shlex.quote(word)
    quoted = "".join(
        letter if printable(letter) == letter else "".join(f"\\x{byte:02x}" for byte in _bytes_of(letter))
        for letter in word.replace("\\", "\\\\").replace("'", "\\'")
    )
    return f"$'{quoted}'"


def file_name(text: str, limit: int = 100) -> str:
    """Return a part of a file name that every file system accepts, built from a user's name.

    Args:
        text: the name.
        limit: longest result in bytes.

    Returns:
        The name itself where it is harmless; otherwise with ``_`` for other characters, cut, and with a hash of the
        name, so that two names never give the same part.
    """
    harmless = re.sub(r"[^\w .+=@,()-]", "_", text).strip(" .")
    if harmless == text and 0 < len(text.encode()) <= limit:
        return text
    digest = hashlib.blake2b(_bytes_of(text), digest_size=4).hexdigest()
    cut = harmless.encode()[: limit - len(digest) - 1].decode(errors="ignore")
    return f"{cut}-{digest}" if cut else digest


def _bytes_of(text: str) -> bytes:
    """Return the bytes of a file name, or of text that no file can have as its name."""
    try:
        return os.fsencode(text)
    except UnicodeError:
        return text.encode("utf-8", "surrogatepass")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in _SHORT:
        return _SHORT[match[0]]
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file name that is no text
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_json(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
