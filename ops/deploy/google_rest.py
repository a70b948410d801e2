"""Google's REST APIs as the person who deploys, where gcloud has no command."""

from dataclasses import dataclass, field

from ops.deploy.world import Answer, Outgoing, World


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleRest:
    world: World
    project: str
    _token: list[str] = field(default_factory=list)

    def call(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        headers = {
            "Authorization": f"Bearer {self._access_token()}",
            "Content-Type": content_type,
            # A person's token would use the quota of gcloud's own project.
            "X-Goog-User-Project": self.project,
        }
        asked = Outgoing(method=method, url=url, headers=headers, body=body)
        return self.world.send(asked)

    def _access_token(self) -> str:
        if not self._token:
            words = ("auth", "application-default", "print-access-token")
            self._token.append(self.world.run("gcloud", *words).stdout.strip())
        return self._token[0]
