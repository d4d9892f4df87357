"""The choices in a dashboard's head."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import DataSourceRef

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")

_ALL = model.VariableOption(text="All", value="$__all")
_NO_DIMENSIONS = "__name__|instance|job|pod|endpoint|container|namespace|service|node|prometheus|prometheus_replica"


def data_source() -> builder.DatasourceVariable:
    return builder.DatasourceVariable("datasource").label("Data source").type("prometheus").regex("")


def job() -> builder.QueryVariable:
    return _many("job", "Job", "label_values(shortgenius_exporter_build_info, job)")


def instance() -> builder.QueryVariable:
    return _many("instance", "Instance", 'label_values(shortgenius_exporter_build_info{job=~"$job"}, instance)')


def accounts() -> builder.QueryVariable:
    return _many("account", "Account", _ACCOUNTS)


def account() -> builder.QueryVariable:
    """One account at a time: its name is compared as it is, never as a pattern."""
    return _query("account", "Account", _ACCOUNTS)


def credit_types(account_matcher: str) -> builder.QueryVariable:
    """From the counter, which stays when an account goes dark, unlike the balance."""
    series = f'shortgenius_consumed_credits_total{{job=~"$job", {account_matcher}}}'
    return _many("credit_type", "Credit type", f"label_values({series}, credit_type)")


def group() -> builder.QueryVariable:
    """Any label that the operator gave the accounts, without naming one here; ``team`` if there is one."""
    return (
        _query("group", "Group by", 'label_names(shortgenius_consumed_credits_total{job=~"$job"})')
        .regex(f"/^(?!(?:{_NO_DIMENSIONS})$).+$/")
        .current(model.VariableOption(text="team", value="team"))
    )


def filters() -> builder.AdHocVariable:
    """Any label with any value (team, env, ...): Grafana adds it to every query."""
    return builder.AdHocVariable("filters").label("Filters").datasource(PROMETHEUS)


_ACCOUNTS = 'label_values(shortgenius_api_requests_total{job=~"$job"}, account)'


def _many(name: str, label: str, query: str) -> builder.QueryVariable:
    return _query(name, label, query).multi(True).include_all(True).all_value(".+").current(_ALL)


def _query(name: str, label: str, query: str) -> builder.QueryVariable:
    return (
        builder.QueryVariable(name)
        .label(label)
        .query(query)
        .definition(query)
        .datasource(PROMETHEUS)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
