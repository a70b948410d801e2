"""What of an OpenAPI document people read: its calls and objects, in their language."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.domain.job import Language
from shared.domain.messages import describe_code

Node = Mapping[str, Any]
Words = Mapping[str, str]

WORDS: Mapping[Language, Words] = {
    Language.ENGLISH: {
        "calls": "Calls",
        "objects": "Objects",
        "open": "no token needed",
        "parameters": "Parameters",
        "body": "Body (JSON)",
        "answers": "Answer",
        "errors": "Errors",
        "status": "Status",
        "code": "Code",
        "name": "Name",
        "kind": "Type",
        "meaning": "Meaning",
        "required": "required",
        "or_null": "or null",
        "list_of": "list of",
        "from_to": "{0} to {1}",
        "at_least": "at least {0}",
        "at_most_long": "at most {0} characters",
        "matches": "matches {0}",
        "default": "default {0}",
    },
    Language.KOREAN: {
        "calls": "호출",
        "objects": "객체",
        "open": "토큰 불필요",
        "parameters": "매개변수",
        "body": "본문(JSON)",
        "answers": "응답",
        "errors": "오류",
        "status": "상태",
        "code": "코드",
        "name": "이름",
        "kind": "형식",
        "meaning": "설명",
        "required": "필수",
        "or_null": "또는 null",
        "list_of": "목록:",
        "from_to": "{0}~{1}",
        "at_least": "{0} 이상",
        "at_most_long": "최대 {0}자",
        "matches": "{0} 형식",
        "default": "기본값 {0}",
    },
}
TAGS: Mapping[str, tuple[str, str]] = {
    "videos": ("Videos", "영상"),
    "uploads": ("Uploads", "업로드"),
    "prices": ("Prices and models", "가격과 모델"),
    "usage": ("Usage", "사용량"),
    "openai": ("OpenAI's Videos API", "OpenAI 호환 Videos API"),
    "admin": ("For operators", "운영자용"),
    "service": ("The service itself", "서비스"),
}
# What a pattern says to people; any other is shown as it is.
_SPOKEN = {"^https://": "https://…", r"\S": ""}
_REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field or parameter. `object`: the object that its type names, if any."""

    name: str
    kind: str
    limits: str
    note: str
    is_required: bool = False
    object: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer: an object by name, or its own rows, or no body at all."""

    status: str
    phrase: str
    object: str | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    status: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One call."""

    anchor: str
    method: str
    path: str
    summary: str
    is_open: bool
    parameters: tuple[Row, ...]
    body: tuple[Row, ...]
    answers: tuple[Said, ...]
    errors: tuple[Failure, ...]
    curl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    title: str
    calls: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object that answers are made of."""

    name: str
    rows: tuple[Row, ...]


class View:
    """Reads a document for people of one language."""

    def __init__(self, document: Node, language: Language) -> None:
        self._document, self._language = document, language
        self.words = WORDS[language]

    def lead(self) -> str:
        return self._said(self._document["info"], "description")

    def groups(self) -> tuple[Group, ...]:
        calls = [
            (operation["tags"][0], self._call(method, path, operation))
            for path, operations in self._document["paths"].items()
            for method, operation in operations.items()
        ]
        return tuple(
            Group(
                title=self._tag(tag),
                calls=tuple(call for of, call in calls if of == tag),
            )
            for tag in self._tags()
        )

    def objects(self) -> tuple[Thing, ...]:
        schemas = self._document["components"]["schemas"]
        return tuple(
            Thing(name=name, rows=tuple(self._rows(schemas[name])))
            for name in sorted(schemas)
        )

    def _tags(self) -> list[str]:
        """As `TAGS` has them; what it does not know comes first."""
        known = list(TAGS)
        names = [str(tag["name"]) for tag in self._document["tags"]]
        return sorted(names, key=lambda n: known.index(n) if n in known else -1)

    def _tag(self, tag: str) -> str:
        english, korean = TAGS.get(tag, (tag.capitalize(), tag))
        return korean if self._language is Language.KOREAN else english

    def _said(self, node: Node, name: str) -> str:
        korean = node.get(f"x-{name}-ko")
        if korean and self._language is Language.KOREAN:
            return str(korean)
        return str(node.get(name, ""))

    def _call(self, method: str, path: str, operation: Node) -> Shown:
        said = operation["responses"].items()
        body = _body(operation)
        return Shown(
            anchor=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=self._said(operation, "summary"),
            is_open=operation.get("security") == [],
            parameters=tuple(map(self._parameter, operation["parameters"])),
            body=tuple(self._rows(body["schema"])) if body else (),
            answers=tuple(self._answer(s, a) for s, a in said if s < "400"),
            errors=tuple(e for s, a in said for e in self._errors(s, a)),
            curl=curl(method.upper(), path, operation),
        )

    def _parameter(self, parameter: Node) -> Row:
        return self._row(
            parameter["name"],
            parameter["schema"],
            note=self._said(parameter, "description"),
            is_required=parameter["required"],
        )

    def _answer(self, status: str, answer: Node) -> Said:
        contents = list(answer.get("content", {}).items())
        schema: Node = contents[0][1]["schema"] if contents else {}
        name = _referred(schema)
        media_type = f" · {contents[0][0]}" if contents and not name else ""
        return Said(
            status=status,
            phrase=answer["description"] + media_type,
            object=name,
            rows=() if name else tuple(self._rows(schema)),
        )

    def _errors(self, status: str, answer: Node) -> Iterable[Failure]:
        for code in answer.get("x-codes", ()):
            sentence = describe_code(code, self._language)
            yield Failure(status=status, code=code, sentence=sentence)

    def _rows(self, schema: Node, before: str = "") -> Iterable[Row]:
        """A row a field; the fields of what it holds follow, by their whole path."""
        required = (
            schema.get("required", ()) if "additionalProperties" in schema else ()
        )
        for name, field in schema.get("properties", {}).items():
            path = f"{before}{name}"
            note = self._said(field, "description")
            yield self._row(path, field, note=note, is_required=name in required)
            inner = field.get("items", field)
            ending = "[]." if inner is not field else "."
            yield from self._rows(inner, path + ending)

    def _row(self, name: str, schema: Node, *, note: str, is_required: bool) -> Row:
        return Row(
            name=name,
            kind=self._kind(schema),
            limits=" · ".join(filter(None, self._limits(schema))),
            note=note,
            is_required=is_required,
            object=_referred(schema.get("items", schema)),
        )

    def _kind(self, schema: Node) -> str:
        if name := _referred(schema):
            return name
        if "items" in schema:
            return f"{self.words['list_of']} {self._kind(schema['items'])}"
        kind = schema.get("type", "")
        if isinstance(kind, str):
            return kind
        return f"{kind[0]} {self.words['or_null']}"

    def _limits(self, schema: Node) -> Iterable[str]:
        words, inner = self.words, schema.get("items", schema)
        if "enum" in inner:
            yield ", ".join(f"{v}" for v in inner["enum"] if v is not None)
        if "minimum" in schema and "maximum" in schema:
            yield words["from_to"].format(
                f"{schema['minimum']:,}", f"{schema['maximum']:,}"
            )
        elif "minimum" in schema:
            yield words["at_least"].format(schema["minimum"])
        if "maxLength" in schema:
            yield words["at_most_long"].format(f"{schema['maxLength']:,}")
        if pattern := schema.get("pattern"):
            yield _SPOKEN.get(pattern, words["matches"].format(pattern))
        yield {"date-time": "RFC 3339", "date": "YYYY-MM-DD"}.get(
            schema.get("format", ""), ""
        )
        if "default" in schema:
            yield words["default"].format(_plain(schema["default"]))


def curl(method: str, path: str, operation: Node) -> str:
    """A call of it for a shell where $API and $TOKEN are set."""
    for parameter in operation["parameters"]:
        name = parameter["name"]
        path = path.replace(f"{{{name}}}", f"${name.upper()}")
    lines = [f'curl "$API{path}"']
    if method != "GET":
        lines[0] = f'curl -X {method} "$API{path}"'
    if operation.get("security") != []:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    body = _body(operation)
    if body:
        example = json.dumps(body.get("example", _example(body["schema"])), indent=2)
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d {shlex.quote(example)}")
    return " \\\n  ".join(lines)


def _example(schema: Node) -> dict[str, Any]:
    """Of what is required, where the route gives none."""
    return dict.fromkeys(schema["required"], "…")


def _body(operation: Node) -> Node | None:
    content: Mapping[str, Node] = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json")


def _referred(schema: Node) -> str | None:
    reference = str(schema.get("$ref", ""))
    return reference.removeprefix(_REF) if reference.startswith(_REF) else None


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)
