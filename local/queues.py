"""The queues of the local Cloud Tasks, as Terraform makes them, from the same file."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport,
)

QUEUES = Path(__file__).resolve().parent.parent / "infra" / "queues.json"


@contextmanager
def _client_of(address: str) -> Iterator[Any]:
    with grpc.insecure_channel(address) as channel:
        transport = CloudTasksGrpcTransport(channel=channel)
        yield tasks_v2.CloudTasksClient(transport=transport)


def purge_queues(address: str, *, parent: str) -> None:
    """Every task that waits is lost."""
    with _client_of(address) as client:
        for name in json.loads(QUEUES.read_text()):
            client.purge_queue(name=f"{parent}/queues/{name}")


def create_queues(address: str, *, parent: str) -> None:
    """`parent` is projects/PROJECT/locations/LOCATION."""
    with _client_of(address) as client:
        for name, asked in json.loads(QUEUES.read_text()).items():
            queue = _queue(f"{parent}/queues/{name}", asked)
            client.create_queue(parent=parent, queue=queue)


def _queue(name: str, asked: Mapping[str, Any]) -> tasks_v2.Queue:
    return tasks_v2.Queue(
        name=name,
        rate_limits=tasks_v2.RateLimits(
            max_dispatches_per_second=asked["max_dispatches_per_second"],
            max_concurrent_dispatches=asked["max_concurrent_dispatches"],
        ),
        retry_config=tasks_v2.RetryConfig(
            max_attempts=asked["max_attempts"],
            min_backoff=timedelta(seconds=asked["min_backoff_seconds"]),
            max_backoff=timedelta(seconds=asked["max_backoff_seconds"]),
            max_doublings=asked["max_doublings"],
        ),
    )
