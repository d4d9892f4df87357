"""PromQL: what the dashboards ask, from recorded series where a rule records one.

Two replicas of the exporter must not double a number: the recording rules fold replicas, and ``one`` does where
no rule records a series. Labels that the operator gave an account stay, unnamed.
"""

from __future__ import annotations

from dataclasses import dataclass

from grafana.generator.palette import CRITICAL, DAY, EXHAUSTED, FINE, UNKNOWN, WARNING, YEAR

BALANCE = "account_credit_type:shortgenius_balance_credits:max"
THRESHOLD = "account_credit_type_severity:shortgenius_balance_threshold_credits:max"
BURN = "account_credit_type:shortgenius_consumed_credits:rate1d"
RUNWAY = "account_credit_type:shortgenius_runway_seconds:rate1d"
UP = "account:shortgenius_up:max"
UP_SHARE = "account:shortgenius_up:avg1d"
LAST_SUCCESS = "account:shortgenius_last_success_timestamp_seconds:max"
NEXT_RENEWAL = "account:shortgenius_next_renewal_timestamp_seconds:max"

_REPLICAS = "instance, pod, endpoint, container"
_LONGEST_PERIOD = "[35d:1h]"
_AHEAD = "[15d]"  # as far as the account dashboard looks ahead of now
_GAP = 900.0


def one(series: str) -> str:
    """The series without its replicas: the highest, since a replica that started later has counted less."""
    return f"max without ({_REPLICAS}) ({series})"


def firing(*matchers: str) -> str:
    """Alerts that fire, one series each, from however many Prometheus servers."""
    every = ['alertname=~"ShortGenius.+"', 'alertstate="firing"', 'job=~"$job|"', *matchers]
    return f"max without (alertstate, {_REPLICAS}) (ALERTS{{{', '.join(every)}}})"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Expressions over the accounts that ``matcher`` picks, one series per account and credit type.

    Times are Unix milliseconds, as Grafana's date units want them; ages and runways are seconds.
    """

    matcher: str

    @property
    def scope(self) -> str:
        return f'job=~"$job", {self.matcher}'

    @property
    def typed(self) -> str:
        return f'{self.scope}, credit_type=~"$credit_type"'

    def balance(self, at: str = "") -> str:
        return f"{BALANCE}{{{self.typed}}}{at}"

    def threshold(self, severity: str) -> str:
        return f'max without (severity) ({THRESHOLD}{{{self.typed}, severity="{severity}"}})'

    def threshold_ahead(self, severity: str) -> str:
        """The threshold, still there where the range is ahead of now."""
        series = f'{THRESHOLD}{{{self.typed}, severity="{severity}"}}'
        return f"max without (severity) (last_over_time({series}{_AHEAD}))"

    def burn_per_day(self) -> str:
        return f"{BURN}{{{self.typed}}} * {DAY:g}"

    def runway(self, at: str = "") -> str:
        """0 when nothing is left; capped, so that an idle account has a place at the end of the order."""
        spent, idle = f"({self.balance(at)} <= 0)", f"{self.balance(at)} * 0 + {YEAR:.0f}"
        return f"({spent} or clamp_max({RUNWAY}{{{self.typed}}}{at}, {YEAR:.0f}) or {idle})"

    def runway_or_unknown(self) -> str:
        """For a sorted column: without a value, an account gone dark would stand above the one that runs dry."""
        unknown = f"{self.consumed('1h')} * 0 + {UNKNOWN:.0f}"
        return f"({self.runway()} or {unknown})"

    def ending(self, at: str = "") -> str:
        """Runways in the order in which something can still be done: what is exhausted comes last."""
        return f"(({self.balance(at)} <= 0) * 0 + {UNKNOWN:.0f} or {self.runway(at)})"

    def shortest(self, count: int) -> str:
        """A filter: those few accounts that are nearest to their end when the range ends, over all of the range."""
        return f"and on (job, account, credit_type) bottomk({count}, {self.ending(' @ end()')})"

    def level(self) -> str:
        balance = self.balance()
        return (
            f"(({balance} <= 0) * 0 + {EXHAUSTED}"
            f" or ({balance} < {self.threshold('critical')}) * 0 + {CRITICAL}"
            f" or ({balance} < {self.threshold('warning')}) * 0 + {WARNING}"
            f" or {balance} * 0 + {FINE})"
        )

    def runs_out_at(self) -> str:
        return f"(time() + (0 < {self.runway()} < {YEAR:.0f})) * 1000"

    def next_renewal(self, at: str = "") -> str:
        return f"{NEXT_RENEWAL}{{{self.scope}}}{at}"

    def renews_at(self) -> str:
        return self._per_type(f"{self.next_renewal()} * 1000")

    def lasts_share(self) -> str:
        """Runway over the time to the renewal: below 1, the credits end first."""
        left = f"({self.next_renewal()} - time() > 0)"
        return f"{self.runway()} / ignoring (credit_type) group_left () {left}"

    def age(self) -> str:
        return f"time() - {LAST_SUCCESS}{{{self.scope}}}"

    def age_per_type(self) -> str:
        return self._per_type(f"({self.age()})")

    def consumed(self, window: str, offset: str = "") -> str:
        return one(f"increase(shortgenius_consumed_credits_total{{{self.typed}}}[{window}]{offset})")

    def renewals(self) -> str:
        return f"{self._grants()} and on (job, account) {self._period_began()}"

    def top_ups(self) -> str:
        return f"{self._grants()} unless on (job, account) {self._period_began()}"

    def plan_used(self) -> str:
        """The share of this period's credits that is consumed, 0 to 1."""
        period = f"({self.next_renewal()} == {self.next_renewal(' @ end()')})"
        used = f"sum_over_time(({self.consumed('1h')} and on (job, account) {period}){_LONGEST_PERIOD})"
        return f"{used} / ({used} + {self.balance()} > 0)"

    def period_gone(self) -> str:
        """The share of the time between the last renewal and the next that is over, 0 to 1."""
        before = f"last_over_time(({self.next_renewal()} != {self.next_renewal(' @ end()')}){_LONGEST_PERIOD})"
        return self._per_type(f"(time() - {before}) / ({self.next_renewal()} - {before})")

    def pace(self) -> str:
        """Share of the plan used over share of the period gone: above 1, the plan ends first."""
        return f"({self.plan_used()}) / ({self.period_gone()} > 0)"

    def forecast(self) -> str:
        """The balance if the last day's burn goes on: ahead of now until the renewal, and through gaps."""
        unseen = f"time() - last_over_time({LAST_SUCCESS}{{{self.scope}}}{_AHEAD})"
        burnt = f"last_over_time({BURN}{{{self.typed}}}{_AHEAD}) * ignoring (credit_type) group_left ()"
        line = f"last_over_time({self.balance()}{_AHEAD}) - {burnt} ({unseen} > {_GAP:.0f})"
        renewed = f"last_over_time({self.next_renewal()}{_AHEAD}) < time()"
        return f"clamp_min({line}, 0) unless on (job, account) {renewed}"

    def _grants(self) -> str:
        """The balance at those steps of a graph in which credits were added, and nothing elsewhere."""
        granted = one(f"increase(shortgenius_granted_credits_total{{{self.typed}}}[$__rate_interval])")
        return f"({self.balance()} and {granted} > 0)"

    def _period_began(self) -> str:
        return f"changes({NEXT_RENEWAL}{{{self.scope}}}[$__rate_interval]) > 0"

    def _per_type(self, per_account: str) -> str:
        """An account's value on each of its credit types; the counter is there even when the balance is not."""
        return f"{self.consumed('1h')} * 0 + ignoring (credit_type) group_left () {per_account}"
