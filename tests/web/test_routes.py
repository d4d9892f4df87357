"""What each path answers, without a server."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot, succeeded
from shortgenius_exporter.metrics.exporter import ExporterState
from shortgenius_exporter.metrics.exposition import Exposition
from shortgenius_exporter.web.page import CONTENT_SECURITY_POLICY
from shortgenius_exporter.web.routes import Request, Response, Site, respond
from shortgenius_exporter.web.status import Overview

NOW = 1_800_000_000.0
NAME = "Ünï & co"


def site() -> Site:
    exposition = Exposition(lambda: NOW)
    exposition.publish(succeeded(Snapshot(Account(NAME, Secret("k"))), Balance({"credits": 217.0}), NOW, 0.1, 32))
    overview = Overview(ExporterState(1, True, NOW), NOW, NOW, exposition.snapshots())
    return Site(exposition, CollectorRegistry(), lambda: True, lambda: True, lambda: overview, lambda: None)


def get(path: str, found: Site | None = None, query: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond(found or site(), Request("GET", path, query, named))


def test_metrics_has_every_account() -> None:
    response = get("/metrics")
    assert response.status == 200
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert f'shortgenius_balance_credits{{account="{NAME}",credit_type="credits"}} 217\n' in response.body.decode()


def test_openmetrics_ends_with_its_marker_once() -> None:
    body = get("/metrics", accept="application/openmetrics-text;version=1.0.0").body
    assert body.endswith(b"\n# EOF\n")
    assert body.count(b"# EOF") == 1


def test_metrics_is_compressed_for_who_can_read_it() -> None:
    response = get("/metrics", accept_encoding="gzip, deflate")
    assert ("content-encoding", "gzip") in response.headers
    assert gzip.decompress(response.body) == get("/metrics").body


def test_the_telemetry_path_can_be_moved() -> None:
    moved = replace(site(), telemetry_path="/elsewhere")
    assert get("/elsewhere", moved).status == 200
    assert get("/metrics", moved).status == 404


def test_probe_gives_one_account() -> None:
    response = get("/probe", query="target=%C3%9Cn%C3%AF+%26+co")
    assert response.status == 200
    assert b"shortgenius_balance_credits{" in response.body


@pytest.mark.parametrize(
    ("query", "status"),
    [("target=nobody", 404), ("", 400), ("target=a&target=b", 400), ("target=http://10.0.0.1/", 404), ("x=1", 400)],
)
def test_probe_takes_one_configured_name_and_nothing_else(query: str, status: int) -> None:
    assert get("/probe", query=query).status == status


def test_probe_in_openmetrics_ends_with_its_marker() -> None:
    body = get("/probe", query="target=%C3%9Cn%C3%AF+%26+co", accept="application/openmetrics-text").body
    assert body.endswith(b"\n# EOF\n")


def test_health_follows_the_poll_loop() -> None:
    assert get("/-/healthy").status == 200
    assert get("/-/healthy", replace(site(), is_alive=lambda: False)).status == 503


def test_readiness_follows_the_first_polls() -> None:
    assert get("/-/ready").status == 200
    assert get("/-/ready", replace(site(), is_ready=lambda: False)).status == 503


def test_reload_is_refused_unless_it_was_permitted() -> None:
    assert respond(site(), Request("POST", "/-/reload")).status == 403


def test_reload_by_get_is_refused() -> None:
    response = get("/-/reload", replace(site(), reload=lambda: None))
    assert (response.status, response.headers) == (405, (("allow", "POST"),))


def test_reload_answers_what_became_of_it() -> None:
    fine = respond(replace(site(), reload=lambda: None), Request("POST", "/-/reload"))
    bad = respond(replace(site(), reload=lambda: "c.yml:1:1: accounts: empty"), Request("POST", "/-/reload"))
    assert (fine.status, fine.body) == (200, b"Reloaded\n")
    assert (bad.status, bad.body) == (500, b"Not reloaded:\nc.yml:1:1: accounts: empty\n")


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "//metrics", "/../etc/passwd", "/-/", ""])
def test_other_paths_are_not_found(path: str) -> None:
    assert get(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_refused(method: str) -> None:
    response = respond(site(), Request(method, "/metrics"))
    assert (response.status, response.headers) == (405, (("allow", "GET, HEAD"),))


def test_the_home_page_links_to_the_metrics() -> None:
    assert b'href="./metrics"' in get("/").body


def test_the_status_page_brings_its_own_policy_and_is_compressed() -> None:
    response = get("/", accept_encoding="gzip")
    assert ("content-security-policy", CONTENT_SECURITY_POLICY) in response.headers
    assert b"<!doctype html>" in gzip.decompress(response.body)


def test_a_wrong_query_is_refused_in_words_and_in_json() -> None:
    assert get("/", query="page=x").status == 400
    refused = get("/api/v1/accounts", query="page=x")
    assert (refused.status, refused.content_type) == (400, "application/json")
    assert json.loads(refused.body) == {"error": "page: must be a whole number from 1 to 1000000"}


def test_the_accounts_as_json() -> None:
    response = get("/api/v1/accounts", query="q=co")
    assert (response.status, response.content_type) == (200, "application/json")
    assert [one["account"] for one in json.loads(response.body)["accounts"]] == [NAME]
