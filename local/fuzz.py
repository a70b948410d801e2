"""`python -m local.fuzz --files 20000`: feeds mutated images and videos to decoders.

Each file is decoded in a process of its own, forked from one that has the decoders
loaded, with smaller limits than the real child's. Prints one JSON object; exits
non-zero if a process outlived its limits or ended in an unexpected way.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from PIL import Image

from local.simulators.render import Shape, render
from shared.domain.errors import BadContent
from shared.media import child, image, video

CPU_SECONDS = 3
# For a process that hangs without using CPU: far above the CPU limit on any machine,
# however busy.
WALL_SECONDS = 300.0
MEMORY_BYTES = 1_400_000_000
FORK = multiprocessing.get_context("fork")
# How a process may end: by itself, or by a limit.
ENDINGS = {0: "decoded", 1: "refused"}
BY_LIMIT = {signal.SIGXCPU: "cpu_limit", signal.SIGKILL: "cpu_limit"}
# Counts and sizes that decoders are likely to mishandle.
LIKELY = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds() -> Mapping[str, bytes]:
    """Small, valid files of each kind, to be mutated."""
    rng = random.Random(1)  # noqa: S311 - not secret
    noise = Image.frombytes("RGB", (48, 32), rng.randbytes(48 * 32 * 3))
    files = {
        "jpeg": _saved(noise, "JPEG"),
        "progressive": _saved(noise, "JPEG", progressive=True),
        "png": _saved(noise, "PNG"),
        "palette": _saved(noise.convert("P"), "PNG", transparency=0),
        "webp": _saved(noise, "WEBP"),
        "lossless": _saved(noise.convert("RGBA"), "WEBP", lossless=True),
        "avif": _saved(noise, "AVIF"),
        "film": _saved(noise, "AVIF", save_all=True, append_images=[noise.rotate(180)]),
    }
    shape = Shape(width=128, height=72, duration_seconds=1, audio=True)
    return files | {"mp4": render(files["jpeg"], shape, lambda _: None)}


def _saved(made: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer, kind, **options)
    return buffer.getvalue()


def mutated(content: bytes, rng: random.Random) -> bytes:
    """`content` with a few changes: bytes replaced, parts cut, repeated or cut off."""
    changed = bytearray(content)
    # Headers decide what a decoder does, so half of the changes go there.
    for _ in range(rng.randint(1, 6)):
        reach = min(len(changed), 1024) if rng.random() < 0.5 else len(changed)
        at = rng.randrange(max(1, reach))
        match rng.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                width = rng.choice((1, 2, 4))
                number = rng.choice(LIKELY) & (256**width - 1)
                changed[at : at + width] = number.to_bytes(width)
            case 2:
                del changed[at : at + rng.randint(1, 64)]
            case 3:
                part = changed[at : at + rng.randint(1, 256)]
                changed[at:at] = part * rng.randint(1, 20)
            case _:
                changed = changed[:at] if rng.random() < 0.2 else changed
    return bytes(changed)


def decode(kind: str, content: bytes) -> None:
    if kind == "mp4":
        video.inspect(io.BytesIO(content), size_bytes=len(content))
    else:
        image.to_jpeg(content)


def ending(work: Callable[[], None]) -> str:
    """Run `work` in a process with limits; return how it ended."""
    process = FORK.Process(target=_in_the_child, args=(work,))
    process.start()
    process.join(WALL_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        return "outlived"
    if process.exitcode < 0:
        number = signal.Signals(-process.exitcode)
        return BY_LIMIT.get(number, f"signal_{number.name}")
    return ENDINGS.get(process.exitcode, "traceback")


def _in_the_child(work: Callable[[], None]) -> None:
    code = 2
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Nothing raised here may reach the parent's code, of which this is a fork.
    with contextlib.suppress(BaseException):
        child.limit(CPU_SECONDS, MEMORY_BYTES, 4_000_000)
        try:
            work()
            code = 0
        except BadContent:
            code = 1
    os._exit(code)


def run(*, files: int, seed: int, report: Callable[[str], None]) -> dict[str, object]:
    rng = random.Random(seed)  # noqa: S311 - not secret
    found: Counter[str] = Counter()
    bad: list[object] = []
    originals = list(seeds().items())
    for number in range(files):
        kind, content = originals[number % len(originals)]
        changed = mutated(content, rng)
        how = ending(lambda: decode(kind, changed))  # noqa: B023 # run at once
        found[how] += 1
        if how not in (*ENDINGS.values(), *BY_LIMIT.values()):
            bad.append({"file": number, "kind": kind, "ending": how})
        if number % 1000 == 999:
            report(f"{number + 1} files: {dict(found)}")
    return {"files": files, "seed": seed, **found, "not_understood": bad}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    report = run(
        files=args.files,
        seed=args.seed,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(json.dumps(report))
    return 1 if report["not_understood"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
