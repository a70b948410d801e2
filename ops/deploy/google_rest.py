"""Calls Google's REST APIs as the deploying user, where gcloud has no command."""

from dataclasses import dataclass
from functools import cached_property

from ops.deploy.context import Context, HttpRequest, HttpResponse


@dataclass(frozen=True, kw_only=True)
class GoogleRest:
    context: Context
    project: str

    def call(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> HttpResponse:
        headers = {
            "Authorization": f"Bearer {self._access_token}",
            "Content-Type": content_type,
            # Otherwise a person's token uses the quota of gcloud's own project.
            "X-Goog-User-Project": self.project,
        }
        request = HttpRequest(url=url, method=method, headers=headers, body=body)
        return self.context.send(request)

    @cached_property
    def _access_token(self) -> str:
        argv = ("auth", "application-default", "print-access-token")
        return self.context.run("gcloud", *argv).stdout.strip()
