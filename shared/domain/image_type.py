"""Recognises an image's type by its first bytes: names and headers may lie."""

from typing import Final

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
WEBP: Final = "image/webp"
AVIF: Final = "image/avif"
HEIC: Final = "image/heic"

# The accepted types. HEIC is only recognised so that the error can say what to do.
IMAGE_TYPES: Final = (JPEG, PNG, WEBP, AVIF)
_STARTS: Final = {b"\xff\xd8\xff": JPEG, b"\x89PNG\r\n\x1a\n": PNG}
# Brands of HEIF files (ISO/IEC 23008-12, ISO/IEC 14496-12 4.3).
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
    | {b"mif1", b"msf1"}
)


def image_type(content: bytes) -> str | None:
    """One of the types above; None for anything else."""
    for start, kind in _STARTS.items():
        if content.startswith(start):
            return kind
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return WEBP
    return _heif_type(content) if content[4:8] == b"ftyp" else None


def _heif_type(content: bytes) -> str | None:
    end = min(int.from_bytes(content[:4]), 256)
    # The major brand, its version, then the compatible ones.
    brands = {content[at : at + 4] for at in range(8, end - 3, 4)}
    if brands & _AVIF_BRANDS:
        return AVIF
    return HEIC if brands & _HEIC_BRANDS else None
