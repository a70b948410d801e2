"""Divides a cap for all users among shards, so that job creations don't contend.

The account of all users is the sum of its shards, which are stored separately. A shard
may use up to its allowance: an equal part of the cap, plus what it has borrowed from
others. Loans sum to zero, so allowances sum to the cap. While no shard uses more than
its allowance, each may admit jobs without reading the others, and the cap holds.

An allowance can be exceeded: by a charge that is owed whatever the caps say, or because
the cap was lowered. Then other shards lend the difference before any of them admits
more; if they can't, the account as a whole has no room.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct, field

from shared.domain.ledger import MICRO, ZERO, Account, Caps

MONTH = "month"
# The amount borrowed, by shard and period.
Loans = Mapping[int, Mapping[str, Decimal]]


class Shard(Struct, frozen=True, kw_only=True):
    """`borrowed`: by period, which is a day or `MONTH`; lent amounts are negative.

    `recheck`: periods in which, since this shard last admitted a job, some shard may
    have exceeded its allowance.
    """

    account: Account = field(default_factory=Account)
    borrowed: Mapping[str, Decimal] = field(default_factory=dict)
    recheck: Collection[str] = ()

    def spare_usd(self, period: str, part_usd: Decimal) -> Decimal:
        """What is left of the allowance; `part_usd` is the shard's part of the cap."""
        account = self.account
        used = (account.month if period == MONTH else account.on(period)).used_usd
        return part_usd + self.borrowed.get(period, ZERO) - used


def can_take_alone(
    shard: Shard, nth: int, count: int, amount_usd: Decimal, caps: Caps, day: str
) -> bool:
    """Whether shard `nth` of `count` may take the amount without reading the others."""
    is_sure = not {day, MONTH}.intersection(shard.recheck)
    return is_sure and all(
        shard.spare_usd(period, _parts(cap_usd, count)[nth]) >= amount_usd
        for period, cap_usd in _periods(caps, day)
    )


def borrow(
    shards: Sequence[Shard], taking: int, amount_usd: Decimal, caps: Caps, day: str
) -> Loans:
    """The new `borrowed` of each shard that has to lend or borrow for this.

    Afterwards shard `taking` may take `amount_usd`. Empty if every shard keeps within
    its allowance. The account as a whole must have room for the amount.
    """
    changed: dict[int, dict[str, Decimal]] = {}
    for period, cap_usd in _periods(caps, day):
        parts = _parts(cap_usd, len(shards))
        spare = [
            shard.spare_usd(period, part)
            for shard, part in zip(shards, parts, strict=True)
        ]
        spare[taking] -= amount_usd
        for nth, usd in _transfers(spare):
            loans = changed.setdefault(nth, dict(shards[nth].borrowed))
            loans[period] = loans.get(period, ZERO) + usd
    return changed


def _periods(caps: Caps, day: str) -> Iterator[tuple[str, Decimal]]:
    for period, cap_usd in ((day, caps.daily_usd), (MONTH, caps.monthly_usd)):
        if cap_usd is not None:
            yield period, cap_usd


def _parts(cap_usd: Decimal, count: int) -> list[Decimal]:
    """Equal parts, in millionths of a USD; the first has the remainder of the cap."""
    part = (cap_usd / count).quantize(MICRO, rounding="ROUND_DOWN")
    return [cap_usd - part * (count - 1), *[part] * (count - 1)]


def _transfers(spare: list[Decimal]) -> Iterator[tuple[int, Decimal]]:
    """Changes by shard that leave none below 0; they sum to zero."""
    for needy, usd in enumerate(spare):
        if usd < 0:
            for lender in _lenders(spare, needy):
                # At least half of what is spare, so that the next job need not borrow.
                half = (spare[lender] / 2).quantize(MICRO, rounding="ROUND_DOWN")
                lent = min(spare[lender], max(-spare[needy], half))
                spare[lender] -= lent
                spare[needy] += lent
                yield lender, -lent
                yield needy, lent
                if spare[needy] >= 0:
                    break


def _lenders(spare: Sequence[Decimal], needy: int) -> list[int]:
    """First those that can lend all of it, beginning with the needy shard's neighbour.

    That way few shards are written, and not all of them borrow from the same one.
    """
    count = len(spare)
    others = [(needy + n) % count for n in range(1, count)]
    able = [n for n in others if spare[n] > 0]
    return sorted(able, key=lambda n: min(spare[n], -spare[needy]), reverse=True)
