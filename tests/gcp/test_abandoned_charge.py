"""A job that is ended unread usage what its attempts cost, where that is more."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.ledger import SHARDS
from shared.domain.outcomes import Polled, Succeeded
from shared.domain.transitions import apply
from shared.domain.user_id import is_user_id
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage
from tests.domain.examples import NOON, a_job, a_new_job, running


def test_a_charge_above_the_hold_is_booked_in_full(
    database: Database,
) -> None:
    jobs = FirestoreJobs(database)
    chain = (ProviderId.RUNWAY,)
    jobs.create(a_new_job(chain=chain))
    polled = Polled(attempt_id="runway", poll=Succeeded(cost_usd=Decimal(5)))
    charged = apply(running(a_job(chain=chain), ProviderId.RUNWAY), polled, NOON)
    found = jobs.read("job1")
    assert found
    jobs.commit(found, replace(charged, version=2))

    jobs.abandon("job1", NOON + timedelta(hours=3))

    usage = FirestoreUsage(database, SHARDS)
    for account in charged.ledger_key.accounts:
        month = usage.spend([account])[account].month
        assert (month.settled_usd, month.open_usd) == (Decimal(5), Decimal(0))


@pytest.mark.parametrize("user_id", [".", "..", "__a__", "\uac00" * 128, "a/b", ""])
def test_an_id_that_no_store_can_name_is_none(user_id: str) -> None:
    assert not is_user_id(user_id)


@pytest.mark.parametrize(
    "user_id", ["a", "kakao:1", "\uac00" * 90, "_", "__", "x" * 128]
)
def test_other_ids_are_taken(user_id: str) -> None:
    assert is_user_id(user_id) == (user_id != "__")
