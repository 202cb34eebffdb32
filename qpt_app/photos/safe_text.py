"""Text that a terminal shows as it is: no file name can steer or disguise a line."""

import re

_TERMINAL_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def terminal_text(text: str) -> str:
    r"""Escape what could steer or disguise a line on a terminal.

    C0, C1, DEL, line separators and bidi controls become `\x1b` or `\u202e`; bytes that are not
    UTF-8 (surrogate escapes) become `\xff`. Everything else, emoji too, stays.
    """
    return _TERMINAL_UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # a byte kept by os.fsdecode
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
