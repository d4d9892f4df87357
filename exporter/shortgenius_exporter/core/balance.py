"""What one successful poll learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Balance:
    """The balances of one account, by credit type, as one answer of the API gave them.

    ``credits``: finite amounts, zero or more. ``ignored``: how many fields of the answer could not be used.
    """

    credits: Mapping[str, float]
    ignored: int = 0
