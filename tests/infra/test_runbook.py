"""Each alert has its section in both runbooks; each event that alerts is provoked."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Rejected, Succeeded, Unknown
from tests.domain.budgets import a_notification
from tests.domain.examples import a_job, a_new_job, at_provider, running
from tests.guards.test_kill_switch import NONSENSE
from tests.infra.terraform_files import INFRA, local_values, resources
from tests.usecases.harness import Harness
from tests.worker.test_ledger_audit import ALL, balance, held, ledger

LOCALS = local_values()
DOCS = INFRA.parent / "docs"
ALERTS = "google_monitoring_alert_policy."


def titles() -> set[str]:
    """Of all alerts: those made from a list, and those with a name of their own."""
    named = {
        body["display_name"].removeprefix("Reelay: ")
        for name, body in resources().items()
        if name.startswith(ALERTS) and "for_each" not in body
    }
    lists = [
        LOCALS[body["for_each"].removeprefix("${local.").removesuffix("}")]
        for name, body in resources().items()
        if name.startswith(ALERTS) and "for_each" in body
    ]
    return named | {alert["title"] for each in lists for alert in each.values()}


def headings(page: str, pattern: str) -> list[str]:
    found = re.findall(pattern, (DOCS / page).read_text(), re.MULTILINE)
    return [heading[0].lower() + heading[1:] for heading in found]


def test_each_alert_has_one_section_in_both_languages() -> None:
    english = headings("runbook.md", r"^## (.+)$")
    korean = headings("runbook.ko.md", r"^## .+ \((.+)\)$")

    assert sorted(english) == sorted(titles())
    assert korean == english


@pytest.mark.parametrize(
    ("page", "parts"),
    [("runbook.md", ("It means", "Look at", "Do:")),
     ("runbook.ko.md", ("의미", "확인", "조치"))],
)  # fmt: skip
def test_each_section_says_what_it_means_what_to_look_at_and_what_to_do(
    page: str, parts: tuple[str, ...]
) -> None:
    for section in (DOCS / page).read_text().split("\n## ")[1:]:
        bold = re.findall(r"^\*\*([^*]+)\*\*", section, re.MULTILINE)
        assert tuple(bold) == parts, section


def test_both_languages_give_the_same_commands() -> None:
    def commands(page: str) -> set[str]:
        text = (DOCS / page).read_text()
        return set(re.findall(r"`((?:gcloud|curl|\.venv)[^`]+)`", text))

    assert commands("runbook.md") == commands("runbook.ko.md") != set()


# The lines ----------------------------------------------------------------------------


def every_provider_fails(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    refused = Rejected(problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE))
    for provider in harness.providers.values():
        provider.submissions = [refused] * 9
    harness.run()


def a_key_is_wrong(harness: Harness) -> None:
    harness.jobs.put(a_job())
    refused = Rejected(problem=Problem(code=ErrorCode.ACCESS_DENIED))
    harness.providers[ProviderId.RUNWAY].submissions = [refused]
    harness.step()


def a_paid_call_gets_no_answer(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.providers[ProviderId.RUNWAY].submissions = [Unknown(detail="no answer")]
    harness.step()


def a_vendor_charges_more(harness: Harness) -> None:
    job = running(a_job(), ProviderId.RUNWAY)
    attempt = at_provider(job, ProviderId.RUNWAY)
    harness.price_watch.report(job, attempt, Decimal("0.80"))


def a_hold_belongs_to_no_job(harness: Harness) -> None:
    harness.audit_ledger = balance(ledger(documents={ALL: held("1")}))
    harness.sweep()


def a_job_is_past_every_limit(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(timing.JOB_LIMIT + timing.STORE_LIMIT + timing.ATTEMPT_LIMIT)
    harness.sweep()


def the_budget_is_spent(harness: Harness) -> None:
    harness.kill_switch.on_budget_notification(a_notification("1"))


def the_budget_speaks_nonsense(harness: Harness) -> None:
    harness.kill_switch.on_budget_notification(NONSENSE)


PROVOKED: Mapping[str, tuple[Callable[[Harness], None], ...]] = {
    "all_providers_failed": (every_provider_fails,),
    "circuit_opened": (a_key_is_wrong,),
    "submission_unknown": (a_paid_call_gets_no_answer,),
    "price_differs": (a_vendor_charges_more,),
    "ledger_out_of_balance": (a_hold_belongs_to_no_job,),
    "job_abandoned": (a_job_is_past_every_limit,),
    "kill_switch": (the_budget_is_spent, the_budget_speaks_nonsense),
}
COMPARED = re.compile(r'(NOT )?jsonPayload\.(\w+)=(\([^)]+\)|\\?"[^"]+")')
# Terraform's words for a list of codes, and what they stand for.
JOINED = re.compile(r"\$\{join\(.*? in local\.(\w+) .*?\]\)\}")


def matches(query: str, line: Mapping[str, Any]) -> bool:
    """By the part of Logging's query language that alerts and metrics use."""
    query = JOINED.sub(
        lambda found: " OR ".join(map('"{}"'.format, LOCALS[found[1]])), query
    )
    said = {**line, "message": line["event"]}
    compared = COMPARED.findall(query)
    assert COMPARED.sub("", query).strip() == ""
    return all(
        (said.get(field) in re.findall(r'"([^"\\]+)\\?"', values)) is not bool(negated)
        for negated, field, values in compared
    )


@pytest.mark.parametrize(
    ("alert", "happens"),
    [(alert, event) for alert, events in PROVOKED.items() for event in events],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_what_an_alert_is_for_logs_a_line_that_it_matches(
    alert: str, happens: Callable[[Harness], None], harness: Harness
) -> None:
    with capture_logs() as lines:
        happens(harness)

    query = LOCALS["event_alerts"][alert]["filter"]
    found = [line for line in lines if matches(query, line)]
    assert found
    others = LOCALS["event_alerts"].keys() - {alert}
    assert not [
        o for o in others if matches(LOCALS["event_alerts"][o]["filter"], found[0])
    ]


def test_an_ordinary_job_alerts_nobody(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    with capture_logs() as lines:
        assert harness.run().problem is None

    filters = [alert["filter"] for alert in LOCALS["event_alerts"].values()]
    assert not [line for line in lines for query in filters if matches(query, line)]


def a_prompt_is_refused(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    refused = Rejected(problem=Problem(code=ErrorCode.PROMPT_REFUSED))
    for provider in harness.providers.values():
        provider.submissions = [refused] * 9
    harness.run()


@pytest.mark.parametrize(
    ("happens", "failed"), [(every_provider_fails, 1), (a_prompt_is_refused, 0)]
)
def test_a_failure_counts_for_the_ratio_unless_the_users_request_is_its_cause(
    happens: Callable[[Harness], None], failed: int, harness: Harness
) -> None:
    with capture_logs() as lines:
        happens(harness)

    def count(metric: str) -> int:
        query = LOCALS["counters"][metric]["filter"]
        return sum(matches(query, line) for line in lines)

    assert count("reelay_jobs_finished") == 1
    assert count("reelay_jobs_failed") == failed
    assert count("reelay_attempts_finished") >= 1


def test_every_alert_on_a_log_line_is_provoked() -> None:
    assert PROVOKED.keys() == LOCALS["event_alerts"].keys()
