"""Decodes a small image and a small video, to see whether this worker can.

`self_check.json` has both: a JPEG, and a second of H.264 with AAC.
"""

import io
import json
from base64 import b64decode
from pathlib import Path
from typing import Final

from shared.domain.errors import BadContent, Unreachable
from shared.media.decoder import ChildImageCheck, ChildVideoCheck

SAMPLES: Final = Path(__file__).with_suffix(".json")


def check_decoder() -> None:
    """Unreachable if they can't be decoded here."""
    samples = json.loads(SAMPLES.read_bytes())
    image, video = b64decode(samples["image"]), b64decode(samples["video"])
    try:
        ChildImageCheck().to_jpeg(image)
        ChildVideoCheck().inspect(io.BytesIO(video), size_bytes=len(video))
    except BadContent as error:
        raise Unreachable(f"the decoder refuses a good file: {error}") from error
