"""Each folder is a layer whose rule is enforced here by reading its imports."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STANDARD = frozenset(sys.stdlib_module_names)
FORBIDDEN_NAMES = ("utils", "helpers", "common", "manager", "handler", "base", "misc")
SHIPPED = ("main.py", "functions", "shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Files under `place` import the standard library, msgspec and `allowed`.

    Any module below an allowed one is allowed too; `barred` wins over both.
    """

    place: str
    allowed: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()


CORE = ("shared.domain", "shared.ports")
IN_STEPS = (*CORE, "shared.jobs", "shared.guards", "structlog")
GOOGLE = ("google.genai", "google.auth", "httpx2")
RUNWAY = ("runwayml", "httpx", "requests", "urllib3")
IN_GCP = (
    "shared.gcp",
    "PIL",
    "av",
    "google",
    "google_crc32c",
    "grpc",
    "opentelemetry",
    "requests",
    "shared.cutoff",
    "shared.domain",
    "shared.ports",
    "shared.rates",
    "shared.request_time",
    "shared.retry_after",
    "shared.tls",
    "structlog",
    "urllib3",
)
IN_PROVIDERS = (
    *CORE,
    "structlog",
    "shared.providers",
    "shared.cutoff",
    "shared.retry_after",
    "shared.tls",
)
# Network and clock: the domain takes their results as arguments.
IMPURE = (
    "asyncio",
    "http",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "threading",
    "time",
    "urllib.request",
    "uuid",
)

LAYERS = (
    Layer(place="shared/domain", allowed=("shared.domain",), barred=IMPURE),
    Layer(place="shared/ports", allowed=CORE, barred=IMPURE),
    Layer(
        place="shared/jobs", allowed=(*CORE, "shared.jobs", "structlog"), barred=IMPURE
    ),
    Layer(place="shared/guards", allowed=IN_STEPS, barred=IMPURE),
    Layer(
        place="shared/worker",
        allowed=(*IN_STEPS, "shared.tracing", "shared.worker"),
        barred=IMPURE,
    ),
    Layer(
        place="shared/usecases", allowed=(*IN_STEPS, "shared.usecases"), barred=IMPURE
    ),
    Layer(
        place="shared/providers/runway_sdk.py",
        allowed=(*IN_PROVIDERS, "runwayml", "httpx"),
    ),
    Layer(
        place="shared/providers/runway_http.py",
        allowed=(*IN_PROVIDERS, "requests", "urllib3"),
    ),
    *(
        Layer(place=f"shared/providers/{name}.py", allowed=IN_PROVIDERS)
        for name in (
            "response_limits",
            "google_errors",
            "paid_post",
            "redaction",
            "rejection",
            "runway",
            "runway_errors",
            "runway_wire",
            "safety_refusals",
        )
    ),
    Layer(place="shared/providers", allowed=(*IN_PROVIDERS, *GOOGLE, *RUNWAY)),
    Layer(
        place="shared/media", allowed=(*CORE, "shared.media", "structlog", "PIL", "av")
    ),
    Layer(place="shared/gcp", allowed=IN_GCP),
    Layer(place="shared/setting_values.py", allowed=("shared.domain",), barred=IMPURE),
    Layer(
        place="shared/settings.py",
        allowed=("shared.domain", "shared.setting_values"),
        barred=tuple(module for module in IMPURE if module != "os"),
    ),
    Layer(
        place="functions",
        allowed=(
            *("shared", "functions", "structlog", "flask", "werkzeug"),
            "gunicorn.http.errors",
        ),
        barred=("shared.gcp", "shared.providers"),
    ),
    Layer(
        place="ops",
        allowed=("ops", "shared", "dotenv", "google", "requests", "structlog"),
    ),
    Layer(place="main.py", allowed=("functions", "shared.settings", "gunicorn")),
)


def python_files(*places: str) -> list[Path]:
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return found


def imports(file: Path) -> Iterator[str]:
    """Every module that `file` imports, at its top or inside."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_under(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.place)
def test_a_layer_imports_only_what_its_rule_allows(layer: Layer) -> None:
    files = python_files(layer.place)
    strangers = {
        (named(file), module)
        for file in files
        for module in imports(file)
        if not is_under(module, (*STANDARD, "msgspec", *layer.allowed))
        or is_under(module, layer.barred)
    }

    assert files and not strangers


@pytest.mark.parametrize("folder", ["shared/domain", "shared/usecases"])
def test_each_folders_rule_is_in_its_init(folder: str) -> None:
    init = ast.parse((ROOT / folder / "__init__.py").read_text())

    assert "mports" in (ast.get_docstring(init) or "")


def test_only_main_imports_the_functions() -> None:
    files = python_files("shared", "local")

    # These are deploy roots themselves, in place of main.py.
    assert [
        named(file)
        for file in files
        if any(is_under(module, ("functions", "main")) for module in imports(file))
    ] == ["local/entry.py"]


def test_code_that_ships_imports_none_that_does_not() -> None:
    assert not [
        (named(file), module)
        for file in python_files(*SHIPPED)
        for module in imports(file)
        if is_under(module, ("local", "tests"))
    ]


def test_records_are_structs_which_are_cheap_to_import() -> None:
    makers = ("dataclasses", "attr", "attrs", "pydantic")
    making = [
        named(file)
        for file in python_files(*SHIPPED)
        if any(is_under(module, makers) for module in imports(file))
    ]

    assert making == ["shared/domain/structs.py"]


def test_only_the_wiring_names_adapters() -> None:
    adapters = ("shared.gcp", "shared.providers")
    naming = {
        named(file)
        for file in python_files(*SHIPPED)
        if any(is_under(module, adapters) for module in imports(file))
    }
    inside = {n for n in naming if n.startswith(("shared/gcp/", "shared/providers/"))}

    assert {str(Path(name).parent) for name in naming - inside} == {"shared/wiring"}


def touches_environment(file: Path) -> bool:
    """Whether it reads os.environ or os.getenv, however imported."""
    names = {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }
    taken = {module for module in imports(file) if module.startswith("os.")}
    touching = {"environ", "getenv", "environb", "putenv"}
    return bool(names & touching or taken & {f"os.{name}" for name in touching})


def test_only_the_settings_read_the_environment() -> None:
    touching = {n for n in python_files(*SHIPPED) if touches_environment(n)}

    allowed = {"main.py", "shared/wiring/process.py", "shared/settings.py"}
    assert {named(file) for file in touching} <= allowed


def test_a_cold_start_imports_no_adapter() -> None:
    """The wiring imports inside its builders; at its top only cheap modules."""
    heavy = ("shared.gcp", "shared.providers", "google")

    assert not [
        (named(file), node.module)
        for file in python_files("shared/wiring")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ImportFrom) and is_under(node.module or "", heavy)
    ]


def test_no_file_has_a_meaningless_name() -> None:
    files = python_files("main.py", "functions", "shared", "local", "tests")

    assert not [named(file) for file in files if file.stem in FORBIDDEN_NAMES]


@pytest.mark.parametrize("file", python_files(*SHIPPED), ids=named)
def test_every_module_has_a_docstring(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))
