"""An image that came inside a request: its name, and how it is kept as an upload."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from shared.domain.errors import TooLarge
from shared.domain.naming import upload_object
from shared.domain.request import LARGEST_IMAGE_BYTES
from shared.ports.identity import Caller
from shared.ports.storage import Bucket
from shared.ports.store import Ids

Keep = Callable[[], None]
"""Stores an image under the name it has already; Unreachable."""

_KEPT = re.compile(r"([0-9a-f]{40})-[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepUpload:
    bucket: Bucket
    ids: Ids

    def __call__(
        self, caller: Caller, content: bytes, content_type: str
    ) -> tuple[str, Keep]:
        """The `image` to name in a job of the same user, and what stores it.

        TooLarge above 16 MB. Every request has a name of its own, so that deleting
        one job takes no other's image; it begins with what the content hashes to.
        """
        if len(content) > LARGEST_IMAGE_BYTES:
            raise TooLarge
        image = f"{sha256(content).hexdigest()[:40]}-{self.ids.new()}"
        name = upload_object(caller.user_id, image)
        return image, partial(self._store, name, content, content_type)

    def _store(self, name: str, content: bytes, content_type: str) -> None:
        self.bucket.write(name, iter([content]), content_type=content_type)


def content_of(image: str) -> str:
    """What is the same in the names of the same image, sent in two requests."""
    kept = _KEPT.fullmatch(image)
    return kept[1] if kept else image
