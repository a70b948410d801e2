"""Every Firestore query of the code has its index in Terraform.

The emulator answers any query; the real Firestore fails those without an index. So a
table here lists each query, and reading the code finds any that is missing.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import fields

from shared.domain.projection import project
from shared.gcp.firestore_records import to_record
from shared.ports.store import IdempotencyRecord
from tests.domain.examples import a_new_job
from tests.infra.terraform_files import INFRA, local_values, resources

GCP = INFRA.parent / "shared" / "gcp"
FILTERING = ("where", "order_by")
UP, DOWN = "ASCENDING", "DESCENDING"
NEWEST_FIRST = (("created_at", DOWN), ("__name__", DOWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`place` is file.function. A range counts as an order."""

    place: str
    collection: str
    equal: tuple[str, ...] = ()
    order: tuple[tuple[str, str], ...] = ()
    is_group: bool = False

    @property
    def fields(self) -> set[str]:
        return {*self.equal, *(field for field, _ in self.order)}


PAGE = "firestore_job_queries.page"
QUERIES = (
    Query(
        place="firestore_job_queries.overdue",
        collection="internal",
        order=(("wake_at", UP), ("__name__", UP)),
        is_group=True,
    ),
    Query(
        place="firestore_reports._open_jobs",
        collection="internal",
        order=(("wake_at", UP),),
        is_group=True,
    ),
    Query(
        place="firestore_job_queries.overdue_webhooks",
        collection="internal",
        order=(("webhook.due_at", UP),),
        is_group=True,
    ),
    Query(
        place="firestore_keys.with_id",
        collection="api_keys",
        order=(("__name__", UP),),
    ),
    Query(
        place="firestore_reports._counts",
        collection="users",
        order=(("open_jobs", UP),),
    ),
    Query(
        place="firestore_job_queries.is_image_of_others",
        collection="videos",
        equal=("user_id", "image"),
    ),
    Query(
        place="firestore_job_queries.is_image_of_others",
        collection="videos",
        equal=("user_id", "last_image"),
    ),
    Query(
        place="firestore_keys.all",
        collection="api_keys",
        order=(("created_at", DOWN),),
    ),
    Query(place=PAGE, collection="videos", equal=("user_id",), order=NEWEST_FIRST),
    Query(
        place=PAGE,
        collection="videos",
        equal=("user_id", "status"),
        order=NEWEST_FIRST,
    ),
)


def written() -> dict[str, set[str]]:
    """The fields that queries filter or order by, by file.function."""
    return {
        f"{file.stem}.{function.name}": fields
        for file in sorted(GCP.glob("*.py"))
        for function in functions_in(file)
        if (fields := queried_fields(function))
    }


def functions_in(file: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(file.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def queried_fields(function: ast.FunctionDef) -> set[str]:
    return {
        field_of(call)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in FILTERING
    }


def field_of(call: ast.Call) -> str:
    """The field in where(filter=FieldFilter("name", …)) or order_by("name", …)."""
    given = call.args[0] if call.args else call.keywords[0].value
    if isinstance(given, ast.Call):
        given = given.args[0]
    assert isinstance(given, ast.Constant), ast.unparse(call)
    return str(given.value)


def test_the_table_has_every_query_of_the_code() -> None:
    known: dict[str, set[str]] = {}
    for query in QUERIES:
        known.setdefault(query.place, set()).update(query.fields)

    assert written() == known


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: f"{q.place}-{q.equal}")
def test_a_query_has_its_index(query: Query) -> None:
    if query.is_group:
        assert (query.collection, query.order[0]) in group_indexes()
    elif not query.order or len(query.fields) == 1:
        # Firestore indexes each field by itself, and merges those for equalities.
        assert not [f for f in query.fields if is_exempted(query.collection, f)]
    else:
        ascending = [(field, UP) for field in query.equal]
        assert [*ascending, *query.order] in composite_indexes()


def test_an_index_is_deleted_only_after_the_code_that_needs_it() -> None:
    """Terraform would delete it first, and the old code's queries would fail."""
    index = resources()["google_firestore_index.indexes"]

    assert index.get("lifecycle") == [{"create_before_destroy": True}]


def test_no_function_is_deployed_before_its_indexes_are_built() -> None:
    waits = resources()["google_cloudfunctions2_function.functions"]["depends_on"]

    fields = ("field.wake_at", "field.webhook_due_at", "field.ttl")
    for index in ("index.indexes", *fields):
        assert f"${{google_firestore_{index}}}" in waits


def group_indexes() -> set[tuple[str, tuple[str, str]]]:
    fields = [
        resources()[f"google_firestore_field.{name}"]
        for name in ("wake_at", "webhook_due_at")
    ]
    return {
        (field["collection"], (field["field"], index["order"]))
        for field in fields
        for index in field["index_config"][0]["indexes"]
        if index["query_scope"] == "COLLECTION_GROUP"
    }


def is_exempted(collection: str, field: str) -> bool:
    """Whether the field is exempted from its single-field index."""
    if field == "expires_at":
        return collection in ttl_collections()
    open_jobs = resources()["google_firestore_field.open_jobs"]
    kept = (open_jobs["collection"], open_jobs["field"])
    return collection in unindexed() and (collection, field) != kept


def unindexed() -> set[str]:
    text = resources()["google_firestore_field.unindexed"]["for_each"]
    return set(ast.literal_eval(text.removeprefix("${toset(").removesuffix(")}")))


def ttl_collections() -> set[str]:
    text = local_values()["ttl_collections"]
    return set(ast.literal_eval(text.removeprefix("${toset(").removesuffix(")}")))


def composite_indexes() -> list[list[tuple[str, str]]]:
    last = ("__name__", DOWN)
    return [
        [*((part["field"], part["order"]) for part in index), last]
        for index in local_values()["composite_indexes"].values()
    ]


def test_documents_with_a_ttl_have_the_field() -> None:
    """A document as the code writes it, by collection."""
    job = a_new_job()
    written = {
        "videos": project(job),
        "internal": to_record(job),
        "idempotency": {field.name: None for field in fields(IdempotencyRecord)},
    }

    assert ttl_collections() == set(written)
    assert all("expires_at" in document for document in written.values())
