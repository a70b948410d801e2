"""The file name of a downloaded video: its date and the beginning of its prompt."""

import unicodedata
from datetime import date
from urllib.parse import quote

from shared.domain.specs import BLANKS

# With the date, well below the 255 bytes that file systems allow.
MAX_WORDS_BYTES = 120
_APOSTROPHES = str.maketrans("", "", "'\u2019")


def attachment(made_on: date, prompt: str) -> str:
    """A `Content-Disposition` header that saves the file under `file_name` (RFC 6266).

    Clients that don't read `filename*` get the ASCII part of the name.
    """
    name = file_name(made_on, prompt)
    if name.isascii():
        return f'attachment; filename="{name}"'
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode()
    fallback = file_name(made_on, plain)
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name)}"


def file_name(made_on: date, prompt: str) -> str:
    """Letters, digits and hyphens of any script, then `.mp4`.

    It begins with the date, so it is never a hidden file or a device name of Windows.
    """
    beginning = _shortened("-".join(_words(prompt)))
    return "-".join(filter(None, (made_on.isoformat(), beginning))) + ".mp4"


def _words(prompt: str) -> list[str]:
    """Its runs of letters and digits, with a mark only where its letter is kept."""
    kept = ""
    for character in prompt.translate(_APOSTROPHES):
        kind = unicodedata.category(character)
        is_mark_on_letter = kind[0] == "M" and not kept.endswith(" ") and kept != ""
        is_letter = kind[0] == "L" and character not in BLANKS
        is_kept = is_letter or kind == "Nd" or is_mark_on_letter
        kept += character if is_kept else " "
    return kept.split()


def _shortened(words: str) -> str:
    """Cut to `MAX_WORDS_BYTES`, after a whole word unless that takes half of it."""
    if len(words.encode()) <= MAX_WORDS_BYTES:
        return words
    cut = words.encode()[:MAX_WORDS_BYTES].decode(errors="ignore")
    whole, _, _ = cut.rpartition("-")
    return whole if len(whole) > len(cut) // 2 else cut.rstrip("-")
