r"""Text that is safe to show: control characters, bidi overrides and undecodable bytes become visible escapes.

A name of a file, a class or a study, and the text of an error, can hold any character. A terminal obeys some of them:
it moves the cursor, hides a line, or shows a name from right to left. Such characters are shown as Python writes them
in a string, e.g. ``\x1b``. Everything else stays, so that letters of every language are shown.
"""

import re

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
