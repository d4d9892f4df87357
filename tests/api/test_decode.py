"""Any body becomes a balance or an InvalidResponseError, and nothing else."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.api.decode import decode_balance
from shortgenius_exporter.api.errors import InvalidResponseError
from shortgenius_exporter.core.balance import Balance

NUMBERS = st.integers() | st.floats()
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("balance"), inner),
    max_leaves=12,
)
TYPE_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"balance": {"credits": 217}}', Balance({"credits": 217.0})),
        ('{"balance": {"credits": 0}}', Balance({"credits": 0.0})),
        ('{"balance": {"credits": 0.5, "image_credits": 1e3}}', Balance({"credits": 0.5, "image_credits": 1000.0})),
        ('{"balance": {"anything_new_2": 1}}', Balance({"anything_new_2": 1.0})),
        ('{"balance": {}}', Balance({})),
        ('{"balance": {"credits": 1}, "plan": "pro"}', Balance({"credits": 1.0})),
        ('\ufeff{"balance": {"credits": 1}}', Balance({"credits": 1.0})),
        (' \r\n\t{"balance": {"credits": 1}}\n', Balance({"credits": 1.0})),
        ('{"balance": {"cr\\u0065dits": 1}}', Balance({"credits": 1.0})),
    ],
)
def test_every_numeric_field_is_a_credit_type(body: str, expected: Balance) -> None:
    assert decode_balance(body.encode()) == expected


@pytest.mark.parametrize(
    "value",
    [
        '"217"',
        "true",
        "false",
        "null",
        "-1",
        "-0.001",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        pytest.param("1" + "0" * 400, id="401 digits"),
        pytest.param("1" + "0" * 20_000, id="20,001 digits"),
        "{}",
        '{"credits": 1}',
        "[]",
        "[1]",
    ],
)
def test_a_bad_value_is_ignored_and_counted_while_the_others_count(value: str) -> None:
    body = f'{{"balance": {{"credits": {value}, "image_credits": 40}}}}'
    assert decode_balance(body.encode()) == Balance({"image_credits": 40.0}, ignored=1)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Credits",
        "1credits",
        "_credits",
        "image-credits",
        "image credits",
        "crédits",
        "credits\n",
        "a" * 65,
        "\\u0000",
    ],
)
def test_a_field_with_an_unusual_name_is_ignored_and_counted(name: str) -> None:
    body = json.dumps({"balance": {name: 1, "credits": 2}})
    assert decode_balance(body.encode()) == Balance({"credits": 2.0}, ignored=1)


def test_a_name_may_have_64_characters() -> None:
    assert decode_balance(json.dumps({"balance": {"a" * 64: 1}}).encode()) == Balance({"a" * 64: 1.0})


@pytest.mark.parametrize("second", ["2", "1", '"x"', "null"])
def test_a_field_that_stands_twice_is_ambiguous_and_counts_as_one_ignored(second: str) -> None:
    body = f'{{"balance": {{"credits": 1, "credits": {second}, "image_credits": 3}}}}'
    assert decode_balance(body.encode()) == Balance({"image_credits": 3.0}, ignored=1)


def test_two_balances_are_no_balance() -> None:
    with pytest.raises(InvalidResponseError, match=r'^the answer has no object "balance"$'):
        decode_balance(b'{"balance": {"credits": 1}, "balance": {"credits": 2}}')


def test_a_negative_zero_is_zero() -> None:
    assert math.copysign(1, decode_balance(b'{"balance": {"credits": -0.0}}').credits["credits"]) == 1


def test_a_large_integer_keeps_what_a_float_can_hold() -> None:
    assert decode_balance(b'{"balance": {"credits": 9007199254740993}}').credits == {"credits": 9007199254740992.0}


NO_BALANCE = 'the answer has no object "balance"'
NOT_JSON = "the answer is not JSON"
NOT_UTF8 = "the answer is not UTF-8"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the answer is empty"),
        (b" ", NOT_JSON),
        (b"<html>Bad gateway</html>", NOT_JSON),
        (b'{"balance": {"credits": 217}', NOT_JSON),
        (b'{"balance": {"credits": 217}} trailing', NOT_JSON),
        (b"{'balance': {'credits': 217}}", NOT_JSON),
        (b'{"balance": {"credits": 0x10}}', NOT_JSON),
        (b'{"balance": {"credits": 012}}', NOT_JSON),
        (b"null", NO_BALANCE),
        (b"217", NO_BALANCE),
        (b'"balance"', NO_BALANCE),
        (b'[{"balance": {"credits": 217}}]', NO_BALANCE),
        (b"{}", NO_BALANCE),
        (b'{"credits": 217}', NO_BALANCE),
        (b'{"balance": 217}', NO_BALANCE),
        (b'{"balance": null}', NO_BALANCE),
        (b'{"balance": [217]}', NO_BALANCE),
        (b'{"Balance": {"credits": 217}}', NO_BALANCE),
        (b'{"message": "Unauthorized"}', NO_BALANCE),
        (b'{"balance": {"credits\xff": 217}}', NOT_UTF8),
        ('{"balance": {"credits": 217}}'.encode("utf-16"), NOT_UTF8),
        ('{"balance": {"credits": 217}}'.encode("utf-16-le"), NOT_JSON),
        (b"[" * 100_000, NOT_JSON),
        (b"[" * 100_000 + b"]" * 100_000, NOT_JSON),
        (b'{"balance":' * 100_000 + b"{}" + b"}" * 100_000, NOT_JSON),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_body_of_another_shape_is_invalid(body: bytes, message: str) -> None:
    with pytest.raises(InvalidResponseError) as raised:
        decode_balance(body)
    assert str(raised.value) == message


def is_sound(balance: Balance) -> bool:
    return balance.ignored >= 0 and all(
        type(amount) is float and math.isfinite(amount) and amount >= 0 for amount in balance.credits.values()
    )


@given(JSON | st.fixed_dictionaries({"balance": JSON}))
def test_any_document_is_a_sound_balance_or_invalid(document: object) -> None:
    try:
        assert is_sound(decode_balance(json.dumps(document).encode()))
    except InvalidResponseError:
        assert not (isinstance(document, dict) and isinstance(document.get("balance"), dict))


@given(st.binary(max_size=64))
def test_bytes_that_are_no_balance_are_invalid(body: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        decode_balance(body)


@given(st.dictionaries(TYPE_NAMES | st.text(max_size=6), NUMBERS | st.none() | st.text(max_size=3)))
def test_every_field_is_a_credit_type_or_counted_as_ignored(fields: dict[str, object]) -> None:
    balance = decode_balance(json.dumps({"balance": fields}).encode())
    assert len(balance.credits) + balance.ignored == len(fields)
    assert balance.credits.keys() <= fields.keys()


@given(st.dictionaries(TYPE_NAMES, st.floats(min_value=0, allow_infinity=False)))
def test_good_fields_all_keep_their_exact_amount(fields: dict[str, float]) -> None:
    assert decode_balance(json.dumps({"balance": fields}).encode()) == Balance(fields)
