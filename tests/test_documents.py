"""The documents are correct: the tests, files, links and figures they name exist."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, Resolution
from shared.domain.errors import ErrorCode
from shared.domain.fallback import plan_chain
from shared.domain.pricing import max_cost_usd
from tests.domain.examples import a_request
from tests.functions.calling import document as openapi

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
THREATS = (ROOT / "docs" / "security.md").read_text().partition("\n## ")[0]
PROMISES = (ROOT / "docs" / "promises.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", THREATS + PROMISES)))
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("infra/*.md")]
)
TEXTS = [*DOCUMENTS, ROOT / "web" / "README.md", *ROOT.glob("packages/*/README.md")]
KOREAN = [document for document in DOCUMENTS if document.name.endswith(".ko.md")]
CODE_BLOCK = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
# Set by Terraform or by the local stack, never by a person.
SET_BY_US = re.compile(
    r"_(EMULATOR_HOST|AUDIENCE|INVOKER|QUEUE)$|^(K_SERVICE|OIDC_CERTS_URL"
    r"|SIGNING_CREDENTIALS_FILE|TASKS_LOCATION|WORKER_URL|GUNICORN\w*|CLOUD_RUN\w*)$"
)


@pytest.fixture(autouse=True)
def fixed_prices() -> None:
    """Replaces the fixture of all tests: here, the vendors' prices count."""


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    found = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    return frozenset(found)


@pytest.mark.parametrize("text", [THREATS, PROMISES], ids=["security", "promises"])
def test_every_row_names_a_test(text: str) -> None:
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]

    assert len(rows) > 15
    assert not [row for row in rows if ".py::test_" not in row]


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: str(part)[-40:])
def test_a_named_test_exists(file: str, name: str) -> None:
    assert name in functions_of(file)


FIGURES = {
    # The table's page and first cell; which of its cells names them; who prints them.
    "make bench": ("performance", "metric", 1, "bench"),
    "make chaos": ("reliability", "promise", 2, "fault_injection"),
}


@pytest.mark.parametrize(
    ("page", "first", "cell", "printer"), FIGURES.values(), ids=FIGURES
)
def test_every_figure_is_printed_by_its_command(
    page: str, first: str, cell: int, printer: str
) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text()
    table = text.partition(f"\n| {first} |")[2].partition("\n\n")[0]
    cells = [row.split("|")[cell] for row in table.splitlines()[2:]]
    named = set(re.findall(r"`(\w+)`", "".join(cells)))

    assert len(named) > 8
    assert not {name for name in named if not printed_by(printer).fullmatch(name)}


def printed_by(folder: str) -> re.Pattern[str]:
    """Matches the texts in the code of `local/{folder}`; anything fits what is filled
    in.
    """
    texts = {
        "".join(re.escape(str(p.value)) if is_fixed(p) else r"\w+" for p in parts)
        for file in (ROOT / "local" / folder).glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if (parts := node.values if isinstance(node, ast.JoinedStr) else [node])
        if any(map(is_fixed, parts))
    }
    return re.compile("|".join(texts))


def is_fixed(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def target(document: Path, link: str) -> tuple[Path, int | None]:
    """The file that a link of the document leads to, and the number of its heading.

    Raises ValueError for an anchor that GitHub makes of none of the file's headings.
    """
    path, _, anchor = link.partition("#")
    file = document.parent / path if path else document
    if not anchor:
        return file, None
    headings = re.findall(r"(?m)^#+ (.+)$", CODE_BLOCK.sub("", file.read_text()))
    anchors = [re.sub(r"[^\w -]", "", heading.lower()) for heading in headings]
    return file, [each.replace(" ", "-") for each in anchors].index(anchor)


@pytest.mark.parametrize("document", TEXTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_every_internal_link_resolves(document: Path) -> None:
    links = re.findall(r"\]\(([^):]+)\)", CODE_BLOCK.sub("", document.read_text()))

    assert not [link for link in links if not target(document, link)[0].exists()]


def test_every_image_that_is_shown_exists_and_each_is_shown() -> None:
    texts = "".join(text.read_text() for text in TEXTS)
    shown = set(re.findall(r'src="docs/images/([^"]+)"', texts))

    assert shown == {file.name for file in (ROOT / "docs" / "images").iterdir()}


# Paths that a reader or a command creates, or that a decision removed.
ABSENT = {"shared/providers/NAME.py", "infra/.terraform.lock.hcl", "shared/wiring.py"}


@pytest.mark.parametrize("document", TEXTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_every_named_file_exists(document: Path) -> None:
    folders = "ci|docs|functions|infra|local|ops|packages|shared|tests|web"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", document.read_text())

    assert not [p for p in named if not (ROOT / p).exists() and p not in ABSENT]


# What may begin a line: an item of a list, a row of a table, an HTML tag.
BEGINS = re.compile(r"\s*(?:[-*] |\d+\. |[|<])")


@pytest.mark.parametrize("document", TEXTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_a_paragraph_is_one_line(document: Path) -> None:
    prose = re.sub(r"(?m)^#.*$", "", CODE_BLOCK.sub("", document.read_text()))
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", prose.strip())]

    assert not [line for _, *rest in blocks for line in rest if not BEGINS.match(line)]


def test_each_decision_is_in_the_index_by_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    titles = [
        f"- [{number}]({file.name}) {title}"
        for file in folder.glob("[0-9]*.md")
        for number, title in re.findall(r"\A# (\d+)\. (.+)\n", file.read_text())
    ]
    index = re.findall(r"(?m)^- .+", (folder / "README.md").read_text())

    assert sorted(index) == sorted(titles) != []


@pytest.mark.parametrize("page", ["README", "docs/clients"])
def test_both_languages_show_the_same_code_apart_from_comments(page: str) -> None:
    def shown(file: str) -> list[tuple[str, str]]:
        text = (ROOT / file).read_text()
        blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
        return [
            (language, re.sub(r"(?m)(?:^|\s)\s*(?:#|//) .*$", "", code))
            for language, code in blocks
            if language != "mermaid"
        ]

    assert shown(f"{page}.md") == shown(f"{page}.ko.md") != []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_a_project_is_operated_with_the_commands_of_ops(document: Path) -> None:
    for line in document.read_text().splitlines():
        operating = re.search(r"-m local (?:…|key|generation|admin)", line)
        assert not operating or "FIRESTORE_EMULATOR_HOST" in line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_a_command_runs_as_it_is_written(document: Path) -> None:
    text = document.read_text()
    commands = re.findall(r"(\S*)python -m (?:local|ops)", text)

    assert {start.lstrip("`$(|")[-10:] for start in commands} <= {".venv/bin/"}


def english_of(korean: Path) -> Path:
    return korean.with_name(korean.name.replace(".ko.md", ".md"))


def lines_of(document: Path) -> list[str]:
    """With one line for each block of code."""
    return CODE_BLOCK.sub("```", document.read_text()).splitlines()


def shape(document: Path, line: str) -> dict[str, object]:
    """What a line has in every language: `code`, links, and what it is."""
    links = re.findall(r"\]\(([^):]+)\)", line)
    targets = [target(document, link) for link in links]
    return {
        "begins": re.findall(r"^(?:#+|```| *[-*] | *\d+\. |[|<])", line),
        "cells": line.count("|") if line.startswith("|") else 0,
        "is_empty": not line,
        "code": {c.replace(".ko.md", ".md") for c in re.findall(r"`([^`]+)`", line)},
        "links": {(english_of(file), heading) for file, heading in targets},
        "addresses": set(re.findall(r"https?://[^\s)`]+", line)),
    }


@pytest.mark.parametrize("korean", KOREAN, ids=lambda d: str(d.relative_to(ROOT)))
def test_both_languages_have_the_same_lines_code_and_links(korean: Path) -> None:
    english = english_of(korean)
    of_english = [shape(english, line) for line in lines_of(english)]

    assert [shape(korean, line) for line in lines_of(korean)] == of_english


@pytest.mark.parametrize("korean", KOREAN, ids=lambda d: str(d.relative_to(ROOT)))
def test_each_figure_of_an_english_line_is_in_the_korean_one(korean: Path) -> None:
    """Which may write more of them as digits. Millions differ: 2 million is 200만."""

    def figures(line: str) -> set[str]:
        prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", line)
        return set(re.findall(r"\d+(?:[.,]\d+)*(?![.,]?\d| million)", prose))

    both = zip(lines_of(english_of(korean)), lines_of(korean), strict=True)

    assert not [(en, ko) for en, ko in both if figures(en) - figures(ko)]


@pytest.mark.parametrize(
    ("file", "prices", "worst"),
    [
        ("README.md", "costs ${:.2f} to ${:.2f} and", "at ${:.2f},"),
        ("README.ko.md", "{:.2f}~{:.2f}달러가", " {:.2f}달러입니다"),
    ],
)
def test_the_readme_says_what_a_video_costs(file: str, prices: str, worst: str) -> None:
    chains = [
        plan_chain(request, DEFAULT_CHAIN, DEFAULT_MODELS)
        for resolution in Resolution
        for duration in range(3, 11)
        for request in [a_request(duration=duration, resolution=resolution)]
    ]
    each = [p.price_usd for chain in chains for p in chain if not p.unsupported]
    text = (ROOT / file).read_text()

    assert prices.format(min(each), max(each)) in text
    assert worst.format(max(map(max_cost_usd, chains))) in text


@pytest.mark.parametrize("file", ["docs/operating.md", "docs/operating.ko.md"])
def test_every_error_code_has_its_row(file: str) -> None:
    _, _, table = (ROOT / file).read_text().partition("| `code` |")
    rows, _, _ = table.partition("\n\n")
    first_cells = re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE)

    assert re.findall(r"`(\w+)`", " ".join(first_cells)) == list(ErrorCode)


def test_every_field_and_code_of_the_api_is_documented() -> None:
    shown = re.findall(r"`([^`]+)`", (ROOT / "docs" / "api.md").read_text())
    named = set(re.findall(r"\w+", " ".join(shown)))
    schemas = openapi()["components"]["schemas"]
    fields = {
        f"{title}.{name}"
        for title, schema in schemas.items()
        if not title.startswith("OpenAI")
        for name in schema.get("properties", ())
    }

    assert not {field for field in fields if field.partition(".")[2] not in named}
    assert not {*schemas["ProblemCode"]["enum"]} - named


def test_every_setting_of_the_code_is_documented() -> None:
    code = (ROOT / "shared" / "settings.py").read_text()
    read = {
        n for n in re.findall(r'"([A-Z][A-Z_]{4,})"', code) if not SET_BY_US.search(n)
    }
    documented = (ROOT / "docs" / "operating.md").read_text()

    assert not {name for name in read if f"`{name}`" not in documented}


@pytest.mark.parametrize("file", ["infra/README.md", "infra/README.ko.md"])
def test_the_deployment_guide_says_what_a_short_video_costs(file: str) -> None:
    chain = plan_chain(a_request(duration=5), DEFAULT_CHAIN, DEFAULT_MODELS)
    text = (ROOT / file).read_text()

    assert not [p.model_id for p in chain if f"{p.price_usd:.2f}" not in text]
