"""The reference for a worker: a program that waits for the vendor, using its SDK.

`python -m local.bench.waiting RUNWAY STORAGE` prints the seconds and the CPU seconds
that it took, without its imports.
"""

import base64
import json
import sys
import time
import uuid
from typing import Any

import requests
import runwayml

from local.bucket_client import storage_of
from local.functions import BUCKET
from local.stack import ROOT


def main(runway: str, address: str) -> None:
    began, began_cpu = time.monotonic(), time.process_time()
    image = base64.b64encode((ROOT / "local" / "raccoon.jpg").read_bytes()).decode()
    client: Any = runwayml.RunwayML(api_key="key_" + "0" * 128, base_url=runway)
    task = client.image_to_video.create(
        model="gen4_turbo",
        prompt_image=f"data:image/jpeg;base64,{image}",
        prompt_text="a raccoon",
        ratio="1280:720",
        duration=5,
    )
    done = task.wait_for_task_output()
    blob = storage_of(address).bucket(BUCKET).blob(f"waited/{uuid.uuid4().hex}.mp4")
    with requests.get(done.output[0], stream=True, timeout=60) as response:
        blob.upload_from_file(response.raw, content_type="video/mp4")
    seconds, cpu = time.monotonic() - began, time.process_time() - began_cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
