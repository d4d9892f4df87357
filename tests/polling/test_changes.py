"""Which changes of an account an operator is told of."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.advice import advice
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.polling.changes import Change, changes

UNKNOWN = Snapshot(Account("studio", Secret("sk-1")))
TIMEOUT = Failure(Reason.TIMEOUT, "no complete answer within 10 s")
AUTH = Failure(Reason.AUTH, "401 Unauthorized: the key was rejected")


def after(before: Snapshot, result: dict[str, float] | Failure) -> Snapshot:
    if isinstance(result, Failure):
        return failed(before, result, now=1000.0, duration=0.1)
    return succeeded(before, Balance(result), now=1000.0, duration=0.1, max_types=32)


def last_changes(*results: dict[str, float] | Failure) -> list[Change]:
    """The changes that the last of some polls in a row brought."""
    snapshot = UNKNOWN
    for result in results[:-1]:
        snapshot = after(snapshot, result)
    return list(changes(snapshot, after(snapshot, results[-1])))


def is_failing(failure: Failure) -> Change:
    words = {"error": failure.message, "advice": advice(UNKNOWN.account, failure.reason)}
    return Change(logging.WARNING, "account is failing", {"reason": failure.reason.value, **words})


FAILING = is_failing(TIMEOUT)
RECOVERED = Change(logging.INFO, "account has recovered")


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param(
            [{"credits": 217.0, "image_credits": 4.0}],
            [Change(logging.INFO, "account answers", {"balance_credits": 217.0, "balance_image_credits": 4.0})],
            id="first answer",
        ),
        pytest.param([TIMEOUT], [FAILING], id="first failure"),
        pytest.param([{"credits": 1.0}, {"credits": 1.0}], [], id="all the same"),
        pytest.param([{"credits": 2.0}, {"credits": 1.0}], [], id="a spend"),
        pytest.param([{"credits": 2.0}, TIMEOUT], [FAILING], id="failing"),
        pytest.param([TIMEOUT, TIMEOUT], [], id="still failing"),
        pytest.param(
            [TIMEOUT, AUTH],
            [is_failing(AUTH)],
            id="failing for another reason",
        ),
        pytest.param([{"credits": 1.0}, TIMEOUT, {"credits": 1.0}], [RECOVERED], id="recovered"),
        pytest.param([TIMEOUT, {"credits": 1.0}], [RECOVERED], id="first answer after failures"),
        pytest.param(
            [{"credits": 10.0}, {"credits": 510.0}],
            [
                Change(
                    logging.INFO,
                    "credits were granted",
                    {"credit_type": "credits", "granted": 500.0, "balance": 510.0},
                )
            ],
            id="a grant",
        ),
        pytest.param(
            [{"credits": 1.0, "image_credits": 2.0}, {"credits": 1.0}],
            [Change(logging.WARNING, "credit type has vanished", {"credit_type": "image_credits", "last": 2.0})],
            id="a type vanishes",
        ),
        pytest.param(
            [{"credits": 1.0, "image_credits": 2.0}, {"credits": 1.0}, {"credits": 1.0}], [], id="a type stays away"
        ),
        pytest.param(
            [{"credits": 1.0}, {"credits": 1.0, "image_credits": 2.0}],
            [Change(logging.INFO, "credit type has appeared", {"credit_type": "image_credits", "balance": 2.0})],
            id="a type appears",
        ),
        pytest.param(
            [{"credits": 1.0}, {}, {"credits": 1.0}],
            [Change(logging.INFO, "credit type has appeared", {"credit_type": "credits", "balance": 1.0})],
            id="a type comes back",
        ),
        pytest.param([{"credits": 1.0}, TIMEOUT, TIMEOUT, {"credits": 1.0}], [RECOVERED], id="failures hide no type"),
    ],
)
def test_each_state_change_has_its_line(results: list[dict[str, float] | Failure], expected: list[Change]) -> None:
    assert last_changes(*results) == expected


def test_several_changes_of_one_poll_have_a_line_each() -> None:
    found = last_changes({"credits": 1.0, "image_credits": 2.0}, TIMEOUT, {"credits": 5.0, "new_credits": 1.0})
    assert sorted(change.message for change in found) == [
        "account has recovered",
        "credit type has appeared",
        "credit type has vanished",
        "credits were granted",
    ]


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), st.just(1.0)) | st.sampled_from([TIMEOUT, AUTH])))
def test_the_same_result_twice_is_no_change(results: list[dict[str, float] | Failure]) -> None:
    snapshot = UNKNOWN
    for result in results:
        snapshot = after(snapshot, result)
        assert list(changes(snapshot, after(snapshot, result))) == []


def test_the_first_answer_after_a_restart_names_what_it_has_and_not_what_is_remembered() -> None:
    remembered = after(after(UNKNOWN, {"credits": 9.0, "image_credits": 2.0}), {"credits": 9.0})
    restarted = Snapshot(UNKNOWN.account, ledger=remembered.ledger, last_success=remembered.last_success)
    assert list(changes(restarted, after(restarted, {"credits": 8.0}))) == [
        Change(logging.INFO, "account answers", {"balance_credits": 8.0})
    ]


def test_a_new_configuration_is_no_change_of_the_account() -> None:
    before = after(UNKNOWN, {"credits": 1.0})
    assert list(changes(before, replace(before, account=Account("studio", Secret("sk-2"))))) == []
