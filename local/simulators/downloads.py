"""Knows how a finished file is handed out: length, ETag and ranges, all honest."""

import re
import zlib

from local.simulators.messages import Reply, Request

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def file_reply(request: Request, content: bytes, content_type: str) -> Reply:
    """200 with all of it, 206 with the one range asked for, or 416."""
    headers = {
        "content-type": content_type,
        "accept-ranges": "bytes",
        "etag": f'"{zlib.crc32(content):08x}-{len(content):x}"',
    }
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Reply(status=200, body=content, headers=headers)
    first, last = _bounds(asked[1], asked[2], len(content))
    if first > last:
        unsatisfied = {"content-range": f"bytes */{len(content)}"}
        return Reply(status=416, headers=headers | unsatisfied)
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Reply(status=206, body=content[first : last + 1], headers=headers)


def _bounds(first: str, last: str, length: int) -> tuple[int, int]:
    if not first:
        return max(0, length - int(last)), length - 1
    return int(first), min(int(last) if last else length, length - 1)
