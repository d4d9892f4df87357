"""The body of ``GET /credits`` becomes a ``Balance``."""

from __future__ import annotations

import json
import math
from collections import Counter
from sys import intern

from shortgenius_exporter.api.errors import InvalidResponseError
from shortgenius_exporter.core.balance import CREDIT_TYPE, Balance

_AMBIGUOUS = object()


def decode_balance(body: bytes) -> Balance:
    """Reads ``{"balance": {"credits": 217, ...}}``; every numeric field of ``balance`` is a credit type.

    A field that is not a finite number of zero or more, stands twice or has an unusual name is ignored and counted.
    The text must be UTF-8 (RFC 8259, section 8.1); a byte order mark is passed over.

    Raises InvalidResponseError when the body as a whole is not of that shape.
    """
    document = _parse(body)
    balance = document.get("balance") if isinstance(document, dict) else None
    if not isinstance(balance, dict):
        raise InvalidResponseError('the answer has no object "balance"')
    amounts = {intern(name): _amount(value) for name, value in balance.items() if CREDIT_TYPE.fullmatch(name)}
    credits = {name: amount for name, amount in amounts.items() if amount is not None}
    return Balance(credits, ignored=len(balance) - len(credits))


def _parse(body: bytes) -> object:
    try:
        # Not int: that refuses more than 4300 digits, and one such field would cost the good fields beside it.
        return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_without_duplicates, parse_int=float)
    except UnicodeDecodeError:
        raise InvalidResponseError("the answer is not UTF-8") from None
    except (ValueError, RecursionError):
        raise InvalidResponseError("the answer is not JSON" if body else "the answer is empty") from None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        times = Counter(name for name, _ in pairs)
        members |= {name: _AMBIGUOUS for name, count in times.items() if count > 1}
    return members


def _amount(value: object) -> float | None:
    if not isinstance(value, float) or not math.isfinite(value) or value < 0:
        return None
    return value + 0.0  # -0.0 is 0.0
