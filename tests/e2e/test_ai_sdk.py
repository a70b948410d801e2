"""packages/ai-sdk with the real AI SDK: its types, its package, and a running stack."""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from local.stack import ROOT, Stack
from tests.e2e.client import IMAGE, Server
from tests.e2e.node import TSC, ai_sdk, run_node, run_npm

USER = """
import { createReelay, type ReelayProvider } from "@reelay/ai-sdk";
import { experimental_generateVideo as generateVideo } from "ai";
const reelay: ReelayProvider = createReelay({ baseURL: "https://api.example" });
export const make = () => generateVideo({ model: reelay("auto"), prompt: "a cat" });
// @ts-expect-error its types were found
console.assert(reelay("auto").nothing === undefined);
console.log(reelay.video("auto").provider, reelay("auto").modelId);
"""


def test_its_types_are_the_ai_sdks() -> None:
    run_node(TSC, folder=ai_sdk())


def test_the_package_has_all_that_another_project_needs(tmp_path: Path) -> None:
    folder = ai_sdk() / "packed"
    shutil.rmtree(folder, ignore_errors=True)
    package = folder / "node_modules/@reelay/ai-sdk"
    package.mkdir(parents=True)

    run_npm("pack", "--pack-destination", str(tmp_path), folder=ai_sdk())
    (tarball,) = tmp_path.glob("*.tgz")
    with tarfile.open(tarball) as packed:
        names = {member.name.removeprefix("package/") for member in packed}
    unpack = ["tar", "-xzf", str(tarball), "-C", str(package), "--strip-components=1"]
    subprocess.run(unpack, check=True)

    modules = ("api", "index", "video-model")
    made = {f"dist/{name}.{kind}" for name in modules for kind in ("js", "d.ts")}
    assert names == {"package.json", "README.md", "LICENSE", *made}
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "user.ts").write_text(USER)
    readme = (ROOT / "packages/ai-sdk/README.md").read_text()
    shown = re.findall(r"```ts\n(.*?)```", readme, re.DOTALL)
    (folder / "readme.ts").write_text("".join(shown))
    # The AI SDK's own declarations need types that it doesn't ship.
    options = ("--ignoreConfig", "--strict", "--skipLibCheck", "--module", "nodenext")
    tsc = str(ai_sdk() / TSC)
    run_node(tsc, *options, "--types", "node", "user.ts", "readme.ts", folder=folder)
    assert run_node("user.js", folder=folder).stdout == "reelay.video auto\n"


def test_the_package_makes_videos(stack: Stack, server: Server) -> None:
    environment = {
        "REELAY_BASE_URL": stack.addresses["api"],
        "REELAY_API_KEY": server.api_key,
        "REELAY_TEST_IMAGE": str(IMAGE),
    }

    done = run_node(
        "--test", "test/*.test.ts", folder=ai_sdk(), environment=environment
    )

    assert "# fail 0" in done.stdout and "# skipped 0" in done.stdout
