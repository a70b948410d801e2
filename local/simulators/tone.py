"""Knows the sound of the simulators' videos: a soft chord that fades in and out."""

import math
from array import array
from collections.abc import Iterator

import av

RATE_HZ = 48_000
_CHORD_HZ = (200, 250, 300)  # 4:5:6, so that one period of 50 Hz holds them all
_PERIOD_SAMPLES = RATE_HZ // 50
_FADE_SECONDS = 0.4
_PEAK = 3_000  # of 32767: soft
_FRAME_SAMPLES = 1024


def frames(duration_seconds: float) -> Iterator[av.AudioFrame]:
    """Mono 16-bit frames at 48 kHz, together exactly `duration_seconds` long."""
    samples = _chord(round(duration_seconds * RATE_HZ))
    for start in range(0, len(samples), _FRAME_SAMPLES):
        yield _frame(samples[start : start + _FRAME_SAMPLES], start)


def _chord(count: int) -> "array[int]":
    period = array("h", (_sample(index) for index in range(_PERIOD_SAMPLES)))
    samples = (period * (count // _PERIOD_SAMPLES + 1))[:count]
    fade = min(round(_FADE_SECONDS * RATE_HZ), count // 2)
    for index in range(fade):
        samples[index] = samples[index] * index // fade
        samples[-1 - index] = samples[-1 - index] * index // fade
    return samples


def _sample(index: int) -> int:
    waves = (math.sin(2 * math.pi * hertz * index / RATE_HZ) for hertz in _CHORD_HZ)
    return round(_PEAK * sum(waves) / len(_CHORD_HZ))


def _frame(samples: "array[int]", start: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = RATE_HZ
    frame.pts = start
    return frame
