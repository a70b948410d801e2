"""The port `PriceStore`: one contract, on the real emulator and on the fake."""

from decimal import Decimal

import pytest

from shared.domain.errors import LostRace
from shared.domain.observed_prices import ObservedPrice, ObservedPrices
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_prices import FirestorePrices
from shared.ports.store import PriceStore
from tests.fakes.prices import FakePrices

PRICE = ObservedPrice(listed_usd=Decimal("0.05"), charged_usd=Decimal("0.114286"))
OBSERVED = ObservedPrices(prices={"gemini-omni-1.2-flash 720p": PRICE})


@pytest.fixture(params=["emulator", "fake"])
def store(request: pytest.FixtureRequest) -> PriceStore:
    if request.param == "fake":
        return FakePrices()
    return FirestorePrices(request.getfixturevalue("database"))


def test_at_first_nothing_was_observed(store: PriceStore) -> None:
    assert store.read().value == ObservedPrices()


def test_what_was_committed_is_read(store: PriceStore) -> None:
    store.commit(store.read(), OBSERVED)
    assert store.read().value == OBSERVED

    store.commit(store.read(), ObservedPrices())
    assert store.read().value == ObservedPrices()


@pytest.mark.parametrize("is_first", [True, False])
def test_a_commit_over_a_rivals_is_a_lost_race(
    store: PriceStore, is_first: bool
) -> None:
    if not is_first:
        store.commit(store.read(), ObservedPrices())
    before = store.read()
    store.commit(before, OBSERVED)

    with pytest.raises(LostRace):
        store.commit(before, ObservedPrices())

    assert store.read().value == OBSERVED


def test_a_document_that_is_not_ours_counts_as_nothing_and_is_replaced(
    database: Database,
) -> None:
    batch = database.batch()
    batch.put(database.document("control", "prices"), {"prices": "0.05"}, None)
    batch.commit()
    store = FirestorePrices(database)

    assert store.read().value == ObservedPrices()
    store.commit(store.read(), OBSERVED)
    assert store.read().value == OBSERVED
