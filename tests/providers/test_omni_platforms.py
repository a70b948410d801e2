"""Omni's tasks stay on the platform that started them, whatever is set now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from google.oauth2.credentials import Credentials

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.outcomes import Accepted, PollFailed, Succeeded
from shared.ports.providers import BucketFile, Provider, TaskRef, WebFile
from shared.providers.registry import REGISTRY, Access
from tests.providers.provider_cases import KEY, OMNI, request_for
from tests.providers.test_omni import with_video
from tests.providers.vendor_server import Reply, Vendor

GS_URI = "gs://b/incoming/1/a/sample_0.mp4"
WEB_URL = "https://cdn.example/x.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Google:
    """Both platforms, and Omni as it is built from the settings of the moment."""

    gemini_api: Vendor
    agent_platform: Vendor

    def omni(self, *, has_key: bool, has_identity: bool = True) -> Provider:
        identity = Credentials(token="ya29.TEST") if has_identity else None
        access = Access(
            project="p",
            veo_location="us-central1",
            credentials=lambda: identity,
            has_local_bucket=False,
            vertex_base_url=self.agent_platform.url,
            base_url=self.gemini_api.url,
            api_key=KEY if has_key else None,
        )
        assert REGISTRY[ProviderId.OMNI].is_configured(access)
        return REGISTRY[ProviderId.OMNI].build(access)

    def task_of(self, *, has_key: bool) -> TaskRef:
        """A task that was started with these settings and has made its video."""
        started = self.omni(has_key=has_key).start(request_for(OMNI))
        assert isinstance(started, Accepted)
        for server, uri in ((self.gemini_api, WEB_URL), (self.agent_platform, GS_URI)):
            server.received.clear()
            server.reply = Reply(body=with_video(uri=uri))
        return TaskRef(task_id=started.task_id, platform=started.platform)


@pytest.fixture
def google() -> Iterator[Google]:
    accepted = Reply(body=OMNI.accepted)
    with Vendor(accepted) as gemini_api, Vendor(accepted) as agent_platform:
        yield Google(gemini_api=gemini_api, agent_platform=agent_platform)


@pytest.mark.parametrize("has_key", [True, False])
def test_starts_go_to_the_gemini_api_if_there_is_a_key(
    google: Google, has_key: bool
) -> None:
    omni = google.omni(has_key=has_key)
    omni.start(request_for(OMNI))

    sent = (len(google.gemini_api.received), len(google.agent_platform.received))
    assert sent == ((1, 0) if has_key else (0, 1))
    assert omni.writes_into_bucket is not has_key


def test_a_first_key_does_not_move_the_agent_platforms_tasks(google: Google) -> None:
    task = google.task_of(has_key=False)
    now = google.omni(has_key=True)

    assert now.poll(task) == Succeeded(gs_uri=GS_URI)
    assert now.fetch(task) == BucketFile(gs_uri=GS_URI)
    assert now.cancel(task)
    assert google.agent_platform.received[-1].path.split("?")[0].endswith("/cancel")
    assert google.gemini_api.received == []


def test_a_task_of_the_gemini_api_is_followed_with_the_key(google: Google) -> None:
    task = google.task_of(has_key=True)
    now = google.omni(has_key=True)

    assert now.poll(task) == Succeeded()
    assert now.fetch(task) == WebFile(url=WEB_URL, trusted_origin=google.gemini_api.url)
    assert now.cancel(task)
    assert google.gemini_api.received[-1].path.split("?")[0].endswith("/cancel")
    assert google.agent_platform.received == []


def without_key(google: Google) -> tuple[TaskRef, Provider]:
    return google.task_of(has_key=True), google.omni(has_key=False)


def without_identity(google: Google) -> tuple[TaskRef, Provider]:
    now = google.omni(has_key=True, has_identity=False)
    return google.task_of(has_key=False), now


@pytest.mark.parametrize(
    ("change", "missing"),
    [(without_key, "gemini-api"), (without_identity, "agent-platform")],
)
def test_a_task_of_a_platform_that_is_no_longer_configured_is_not_asked_for_elsewhere(
    google: Google, change: Callable[[Google], tuple[TaskRef, Provider]], missing: str
) -> None:
    """The other platform would say that it doesn't exist, and it would be given up."""
    task, now = change(google)

    why = f"{missing}, where the task was started, is not configured"
    assert now.poll(task) == PollFailed(detail=why)
    with pytest.raises(Unreachable, match=why):
        now.fetch(task)
    assert not now.cancel(task)
    assert google.gemini_api.received == google.agent_platform.received == []


@pytest.mark.parametrize("has_key", [True, False])
def test_a_task_of_an_earlier_release_is_followed_where_starts_go(
    google: Google, has_key: bool
) -> None:
    recorded = google.task_of(has_key=has_key)
    task = TaskRef(task_id=recorded.task_id)

    gs_uri = None if has_key else GS_URI
    assert google.omni(has_key=has_key).poll(task) == Succeeded(gs_uri=gs_uri)
