"""Reports jobs and costs per day, and what is left of the caps."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Forbidden
from shared.domain.ledger import ZERO, Account, Caps, LedgerKey, Limits, ledger_key_on
from shared.domain.structs import replace
from shared.domain.usage import (
    NO_PROVIDER,
    Counts,
    Period,
    Scope,
    UsageMonth,
    UsageQuery,
)
from shared.ports.identity import Caller
from shared.ports.store import Clock, UsageStore


class DayUsage(Struct, frozen=True, kw_only=True):
    """One day's jobs of one `ai_model`; None if no provider was asked."""

    day: date
    ai_model: str | None
    counts: Counts


class CapUsage(Struct, frozen=True, kw_only=True):
    """How much of a cap is settled or held. `limit_usd` is None if there is no cap.

    `all_users`: for a user's cap, the use of the cap of all users, which applies too.
    """

    limit_usd: Decimal | None
    used_usd: Decimal
    all_users: "CapUsage | None" = None

    @property
    def left_usd(self) -> Decimal | None:
        """What a new job could still hold; never below 0, None without any cap."""
        left = [self.all_users.left_usd if self.all_users else None]
        if self.limit_usd is not None:
            left.append(max(self.limit_usd - self.used_usd, ZERO))
        return min((usd for usd in left if usd is not None), default=None)


class UsageReport(Struct, frozen=True, kw_only=True):
    """Days are in `time_zone`; `daily` and `monthly` are today's caps.

    `providers`: the totals of the period for each provider that was asked, in the order
    of `usage`.
    """

    period: Period
    scope: Scope
    time_zone: str
    usage: tuple[DayUsage, ...]
    providers: Mapping[str, Counts]
    daily: CapUsage
    monthly: CapUsage


class ShowUsage(Struct, frozen=True, kw_only=True):
    store: UsageStore
    clock: Clock
    limits: Limits
    chain: tuple[ProviderId, ...]

    def __call__(self, caller: Caller, query: UsageQuery) -> UsageReport:
        """Forbidden if a non-admin asks for all users; InvalidRequest for bad days."""
        if query.scope is Scope.ALL and not caller.is_admin:
            raise Forbidden("the claim admin is missing")
        today = self.clock.now().astimezone(self.limits.zone).date()
        period = query.period(today)
        daily, monthly = self._caps(caller.user_id, query.scope, today)
        usage = self._usage(caller.user_id, query.scope, period)
        return UsageReport(
            period=period,
            scope=query.scope,
            time_zone=str(self.limits.zone),
            usage=usage,
            providers=self._providers(usage),
            daily=daily,
            monthly=monthly,
        )

    def _usage(
        self, user_id: str, scope: Scope, period: Period
    ) -> tuple[DayUsage, ...]:
        keys = [ledger_key_on(user_id, day) for day in period.days]
        accounts = dict.fromkeys(_account(key, scope) for key in keys)
        months = self.store.usage(tuple(accounts))
        return tuple(
            DayUsage(
                day=day, ai_model=None if model == NO_PROVIDER else model, counts=counts
            )
            for day, key in zip(period.days, keys, strict=True)
            for model, counts in self._in_order(months[_account(key, scope)], key)
        )

    def _providers(self, usage: Sequence[DayUsage]) -> Mapping[str, Counts]:
        sums: dict[str, Counts] = {}
        for each in usage:
            if each.ai_model is not None and each.counts.attempts:
                before = sums.get(each.ai_model, Counts())
                sums[each.ai_model] = before + each.counts
        return dict(sorted(sums.items(), key=lambda item: self._rank(item[0])))

    def _in_order(
        self, month: UsageMonth, key: LedgerKey
    ) -> Sequence[tuple[str, Counts]]:
        """In chain order, then other providers, then jobs that asked no provider."""
        counts = month.days.get(key.day, {})
        return sorted(counts.items(), key=lambda item: self._rank(item[0]))

    def _rank(self, ai_model: str) -> int:
        known = [*dict.fromkeys((*self.chain, *ProviderId))]
        models = [provider_id.value for provider_id in known]
        return models.index(ai_model) if ai_model in models else len(models)

    def _caps(
        self, user_id: str, scope: Scope, today: date
    ) -> tuple[CapUsage, CapUsage]:
        key = ledger_key_on(user_id, today)
        spend = self.store.spend(key.accounts)
        (all_daily, all_monthly), (daily, monthly) = (
            _uses(caps, spend[name], key.day)
            for name, caps in zip(key.accounts, self.limits.caps(), strict=True)
        )
        if scope is Scope.ALL:
            return all_daily, all_monthly
        return (
            replace(daily, all_users=all_daily),
            replace(monthly, all_users=all_monthly),
        )


def _uses(caps: Caps, account: Account, day: str) -> tuple[CapUsage, CapUsage]:
    return (
        CapUsage(limit_usd=caps.daily_usd, used_usd=account.on(day).used_usd),
        CapUsage(limit_usd=caps.monthly_usd, used_usd=account.month.used_usd),
    )


def _account(key: LedgerKey, scope: Scope) -> str:
    all_users, own = key.accounts
    return all_users if scope is Scope.ALL else own
