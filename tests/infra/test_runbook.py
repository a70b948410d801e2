"""Each alert has a section in both runbooks, and matches the lines that code logs."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem, Unreachable
from shared.domain.outcomes import PollFailed, Succeeded, Unknown
from shared.domain.prompt_translation import Translation
from shared.jobs.commit import LONG_BACKOFF
from shared.media.process import DecoderProcess
from tests.domain.budgets import a_notification
from tests.domain.examples import (
    MINUTE,
    a_job,
    a_new_job,
    at_provider,
    rejected,
    running,
    storing,
)
from tests.fakes.jobs import Trouble
from tests.fakes.translator import FakeTranslator
from tests.guards.test_kill_switch import NONSENSE
from tests.infra.terraform_files import INFRA, local_values, resources
from tests.infra.test_code_and_terraform import python_files
from tests.usecases.harness import Harness
from tests.worker.test_ledger_audit import ALL, balance, held, ledger

LOCALS = local_values()
DOCS = INFRA.parent / "docs"
ALERTS = "google_monitoring_alert_policy."


def titles() -> set[str]:
    """The titles of all alerts, whether in a list or separate resources."""
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


@pytest.mark.parametrize("name", ["notification_channel.emails", "uptime_check_config"])
def test_what_an_alert_refers_to_is_replaced_before_it_is_deleted(name: str) -> None:
    """Such as an e-mail address that is removed, or the uptime check of another region.

    Google doesn't delete either while an alert refers to it, and without this setting,
    Terraform would delete it first.
    """
    [body] = [
        body
        for resource, body in resources().items()
        if resource.startswith(f"google_monitoring_{name}")
    ]

    assert body.get("lifecycle") == [{"create_before_destroy": True}]


@pytest.mark.parametrize(
    ("page", "parts"),
    [("runbook.md", ("It means", "Look at", "Do:")),
     ("runbook.ko.md", ("의미", "확인", "조치"))],
)  # fmt: skip
def test_each_section_has_the_meaning_what_to_check_and_what_to_do(
    page: str, parts: tuple[str, ...]
) -> None:
    for section in (DOCS / page).read_text().split("\n## ")[1:]:
        bold = re.findall(r"^\*\*([^*]+)\*\*", section, re.MULTILINE)
        assert tuple(bold) == parts, section


# The lines ----------------------------------------------------------------------------


def every_provider_fails(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    refused = rejected(ErrorCode.PROVIDER_UNAVAILABLE)
    for provider in harness.providers.values():
        provider.submissions = [refused] * 9
    harness.run()


def a_key_is_wrong(harness: Harness) -> None:
    harness.jobs.put(a_job())
    refused = rejected(ErrorCode.ACCESS_DENIED)
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


def a_paid_call_is_answered_after_its_job_was_deleted(harness: Harness) -> None:
    harness.jobs.put(a_job())
    harness.providers[ProviderId.RUNWAY].during_start = lambda: harness.jobs.remove(
        "job1"
    )
    harness.advance("job1", from_starts_queue=True)


def a_paid_calls_answer_cannot_be_recorded(harness: Harness) -> None:
    harness.jobs.put(a_job())
    down = [Trouble.UNREACHABLE] * (len(LONG_BACKOFF) + 3)
    harness.providers[ProviderId.RUNWAY].during_start = lambda: (
        harness.jobs.troubles.extend(down)
    )
    with suppress(Unreachable):
        harness.step()


def the_ledger_cannot_be_read_for_minutes(harness: Harness) -> None:
    def audit() -> int:
        raise Unreachable("down")

    harness.audit_ledger = audit
    for _ in range(11):
        harness.sweep()
        harness.clock.move(MINUTE)


def more_jobs_are_open_than_the_audit_reads(harness: Harness) -> None:
    harness.audit_ledger = balance(None)
    harness.sweep()


def a_job_is_past_every_limit(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(timing.JOB_LIMIT + timing.STORE_LIMIT + timing.ATTEMPT_LIMIT)
    harness.sweep()


def a_task_is_lost_again_and_again(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(8 * MINUTE)
    harness.sweep()


def the_bucket_refuses_an_image_until_the_deadline(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.bucket.failures = [Unreachable("403")] * 999
    harness.run()


def the_bucket_refuses_a_video_for_minutes(harness: Harness) -> None:
    harness.jobs.put(storing(a_job(), ProviderId.RUNWAY))
    harness.bucket.failures = [Unreachable("down")] * 6
    harness.run()


def the_decoder_cannot_start(harness: Harness) -> None:
    broken = DecoderProcess(Path("/missing"))
    with TemporaryFile() as file, suppress(Unreachable):
        broken.decode("image", (1, 1, 1), (file, file), wall_seconds=300)


def a_vendor_answers_nothing_about_a_task(harness: Harness) -> None:
    harness.jobs.put(running(a_job(), ProviderId.RUNWAY))
    for name in (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP):
        harness.providers[name].polls = [PollFailed(detail="502")]
        harness.providers[name].cancels = [False]
    harness.run()


def the_translation_model_is_retired(harness: Harness) -> None:
    gone = Problem(code=ErrorCode.MODEL_UNAVAILABLE)
    harness.translator = FakeTranslator(answer=Translation(problem=gone))
    harness.jobs.put(a_job(prompt="고양이가 창밖을 바라본다"))
    harness.step()


def the_budget_is_spent(harness: Harness) -> None:
    harness.kill_switch.on_budget_notification(a_notification("1"))


def the_budget_speaks_nonsense(harness: Harness) -> None:
    harness.kill_switch.on_budget_notification(NONSENSE)


def the_budget_was_deleted(harness: Harness) -> None:
    harness.kill_switch.on_budget_notification(a_notification())
    harness.clock.move(timedelta(days=3))
    harness.sweep()


PROVOKED: Mapping[str, tuple[Callable[[Harness], None], ...]] = {
    "all_providers_failed": (every_provider_fails,),
    "circuit_opened": (a_key_is_wrong,),
    "submission_unknown": (a_paid_call_gets_no_answer,),
    "price_differs": (a_vendor_charges_more,),
    "answered_too_late": (a_paid_call_is_answered_after_its_job_was_deleted,),
    "answer_not_recorded": (a_paid_calls_answer_cannot_be_recorded,),
    "ledger_not_checked": (
        the_ledger_cannot_be_read_for_minutes,
        more_jobs_are_open_than_the_audit_reads,
    ),
    "ledger_out_of_balance": (a_hold_belongs_to_no_job,),
    "job_abandoned": (a_job_is_past_every_limit,),
    "job_out_of_time": (the_bucket_refuses_an_image_until_the_deadline,),
    "job_stuck": (a_task_is_lost_again_and_again,),
    "video_not_stored": (the_bucket_refuses_a_video_for_minutes,),
    "decoder_not_started": (the_decoder_cannot_start,),
    "prompts_not_translated": (the_translation_model_is_retired,),
    "vendor_silent": (a_vendor_answers_nothing_about_a_task,),
    "budget_silent": (the_budget_was_deleted,),
    "kill_switch": (the_budget_is_spent, the_budget_speaks_nonsense),
}
# Errors without an alert of their own: by what an operator notices them.
NOTICED_BY = {
    # Pub/Sub gives up on it: "budget notifications were not delivered".
    "budget_notification_malformed": "dead letters",
    # The task or call is answered with 500 and repeated: "a job is stuck", "the sweep
    # does not run", or "budget notifications were not delivered".
    "function_crashed": "500",
    "step_failed": "500",
    "job_not_woken": "500",
    "overdue_jobs_not_read": "500",
    # "The API answers with errors".
    "request_crashed": "500",
    "request_failed": "500",
    # The function does not start, so the deploy fails.
    "settings_refused": "deploy",
    # The message waits for the secret, for a day; api refuses new webhooks meanwhile.
    "webhook_not_signed": "422",
}
AT_LEAST = re.compile(r"jsonPayload\.(\w+)>=(\d+)")
COMPARED = re.compile(r'(NOT )?jsonPayload\.(\w+)=(\([^)]+\)|\\?"[^"]+")')
# Terraform's expression for a list of codes.
JOINED = re.compile(r"\$\{join\(.*? in local\.(\w+) .*?\]\)\}")


def matches(query: str, line: Mapping[str, Any]) -> bool:
    """Whether a query matches, in the part of Logging's language that we use."""
    query = JOINED.sub(
        lambda found: " OR ".join(map('"{}"'.format, LOCALS[found[1]])), query
    )
    said = {**line, "message": line["event"]}
    compared, least = COMPARED.findall(query), AT_LEAST.findall(query)
    assert AT_LEAST.sub("", COMPARED.sub("", query)).strip() == ""
    return all((line.get(field) or 0) >= int(value) for field, value in least) and all(
        (said.get(field) in re.findall(r'"([^"\\]+)\\?"', values)) is not bool(negated)
        for negated, field, values in compared
    )


def event_filters() -> dict[str, str]:
    return {name: each["filter"] for name, each in LOCALS["event_alerts"].items()}


def provoked(alert: str, harness: Harness) -> Sequence[Mapping[str, Any]]:
    """The log lines of everything that the alert waits for."""
    with capture_logs() as lines:
        for happens in PROVOKED[alert]:
            happens(harness)
    return lines


@pytest.mark.parametrize("alert", LOCALS["event_alerts"])
def test_an_alerts_cause_logs_lines_that_only_this_alert_matches(
    alert: str, harness: Harness
) -> None:
    """Every event that the alert waits for, with the fields that it shows."""
    filters, lines = event_filters(), provoked(alert, harness)

    found = [line for line in lines if matches(filters[alert], line)]
    assert {line["event"] for line in found} == awaited(filters[alert])
    assert set().union(*found).issuperset(LOCALS["event_alerts"][alert]["labels"])
    for line in found:
        assert [name for name in filters if matches(filters[name], line)] == [alert]


@pytest.mark.parametrize("alert", ["job_abandoned", "job_out_of_time"])
def test_a_job_that_ends_at_a_limit_raises_one_alert(
    alert: str, harness: Harness
) -> None:
    """Both end with the same code, but each alert says something else about it."""
    filters, lines = event_filters(), provoked(alert, harness)

    assert [n for n in filters for line in lines if matches(filters[n], line)] == [
        alert
    ]


def test_no_error_is_logged_that_an_operator_would_not_notice() -> None:
    filters = [alert["filter"] for alert in LOCALS["event_alerts"].values()]
    alerted = set().union(*map(awaited, filters))

    assert errors_logged() - alerted == NOTICED_BY.keys()


def errors_logged() -> set[str]:
    """The events that the code logs as an error or worse."""
    calls = r"\blog\.(?:error|critical|exception)\(\s*\"(\w+)\""
    return {
        event
        for file in python_files("shared", "functions")
        for event in re.findall(calls, file.read_text())
    }


def awaited(query: str) -> set[str]:
    """The names of the events that the query matches."""
    (names,) = [
        values for _, field, values in COMPARED.findall(query) if field == "message"
    ]
    return set(re.findall(r"\w+", names)) - {"OR"}


def test_an_ordinary_job_triggers_no_alert_and_counts_in_the_metrics(
    harness: Harness,
) -> None:
    harness.jobs.put(a_new_job())
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    with capture_logs() as lines:
        assert harness.run().problem is None

    filters = [alert["filter"] for alert in LOCALS["event_alerts"].values()]
    assert not [line for line in lines for query in filters if matches(query, line)]
    logged = {line["event"]: line for line in lines}
    for counter in LOCALS["counters"].values():
        (event,) = awaited(counter["filter"])
        assert logged[event].keys() >= set(counter["labels"].values())
    fields = {each["field"] for each in LOCALS["distributions"].values()}
    assert logged["attempt_finished"].keys() >= fields


def a_prompt_is_refused(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    refused = rejected(ErrorCode.PROMPT_REFUSED)
    for provider in harness.providers.values():
        provider.submissions = [refused] * 9
    harness.run()


@pytest.mark.parametrize(
    ("happens", "failed"), [(every_provider_fails, 1), (a_prompt_is_refused, 0)]
)
def test_a_failure_counts_in_the_ratio_unless_the_users_request_caused_it(
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
