"""What each commit of a job changes in the ledger: follows from the two jobs alone."""

from shared.domain.job import Job
from shared.domain.ledger import NOTHING, Booking, Totals


def booking(before: Job | None, after: Job) -> Booking:
    """`before` is None for a new job. Settle and release happen with the end, once."""
    held_before = before.hold_usd if before else NOTHING
    ends = after.is_final and (before is None or not before.is_final)
    settled = after.cost_usd if ends else NOTHING
    released = after.hold_usd - after.cost_usd if ends else NOTHING
    return Booking(
        totals=Totals(
            held_usd=after.hold_usd - held_before,
            settled_usd=settled,
            released_usd=released,
        ),
        open_jobs=(before is None) - ends,
    )
