"""The decoder process: runs as a program, with a socket as its standard input and the
places to import from as its arguments.

It imports what decoding needs and forks a child for each image or video, since the
imports take longer than most decodes. It never reads one itself. Once it can, it sends
`READY`; what it wrote to its standard error until then says why it can't. A request is
JSON (`[KIND, CPU_SECONDS, MEMORY_BYTES, OUTPUT_BYTES]`) with two open files, the source
and the output. The response is the child's exit code; `NOT_JUDGED` means that it never
got as far as the source, which may be good or bad, or that the disk is full. The child
writes a line of JSON
(what it found, or `{"bad": why, "fault": …}`) and the bytes of a JPEG: the image, or
the video's first frame.
"""

import errno
import gc
import importlib
import json
import os
import resource
import socket
import sys
from typing import Any, BinaryIO, Final, NoReturn

READY: Final = b"r"
NOT_JUDGED: Final = 3
_REQUEST_BYTES: Final = 1000
# Linux's CLONE_NEWUSER and CLONE_NEWNET.
_NEW_NAMESPACES: Final = 0x10000000 | 0x40000000
# Pillow would import these only when it first opens such an image.
_CODECS: Final = ("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin")


def limit(cpu_seconds: int, memory_bytes: int, output_bytes: int) -> None:
    """Sets limits at which the kernel ends this process."""
    for kind, maximum in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, output_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (maximum, maximum))
    # The processes that serve requests on this machine take precedence.
    os.nice(5)


def isolate() -> bool:
    """Takes from this process the network, and the access to what other processes have
    in memory and in their environment: the worker's has keys. A file that takes over
    the decoder gets neither these nor a token from the metadata server.

    False where the system has no such namespaces, or doesn't allow them.
    """
    import ctypes

    try:
        return bool(ctypes.CDLL(None).unshare(_NEW_NAMESPACES) == 0)
    except AttributeError:  # macOS
        return False


def decode(kind: str, source: BinaryIO) -> tuple[dict[str, Any], bytes]:
    from msgspec.structs import asdict

    from shared.media.image import to_jpeg
    from shared.media.video import inspect

    if kind == "image":
        facts = asdict(to_jpeg(source.read()))
        return facts, facts.pop("content")
    found = asdict(inspect(source, size_bytes=os.fstat(source.fileno()).st_size))
    return found, found.pop("poster")


def serve() -> None:
    """Handles requests until the other end of the socket is closed."""
    with socket.socket(fileno=sys.stdin.fileno()) as control:
        control.sendall(READY)
        while True:
            request, files, *_ = socket.recv_fds(control, _REQUEST_BYTES, 2)
            if not request:
                return
            child = os.fork()
            if not child:
                _run_child(*json.loads(request), files=files)
            for file in files:
                os.close(file)
            _, status = os.waitpid(child, 0)
            control.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _run_child(kind: str, *limits: int, files: list[int]) -> NoReturn:
    """Runs in the child, with `files` as its standard input and output."""
    code = NOT_JUDGED
    try:
        limit(*limits)
        isolate()
        for nth, file in enumerate(files):
            os.dup2(file, nth)
            os.close(file)
        code = 1
        _write_result(kind)
        code = 0
    except OSError as error:
        if error.errno == errno.ENOSPC:
            code = NOT_JUDGED
    finally:
        os._exit(code)


def _write_result(kind: str) -> None:
    from shared.domain.errors import BadContent

    with open(0, "rb") as source, open(1, "wb") as output:
        try:
            facts, content = decode(kind, source)
        except BadContent as error:
            facts, content = {"bad": str(error), "fault": error.fault}, b""
        output.write(json.dumps(facts).encode() + b"\n" + content)


def main() -> None:
    sys.path[:] = sys.argv[1:]
    for module in ("ctypes", "shared.media.image", "shared.media.video", *_CODECS):
        importlib.import_module(module)
    # Children share these objects' memory as long as the collector doesn't touch them.
    gc.collect()
    gc.freeze()
    # What a file makes the decoder write is kept out of the log.
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), sys.stderr.fileno())
    serve()


if __name__ == "__main__":
    main()
