"""What one successful poll learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Balance:
    """The balances of one account, by credit type, as one answer of the API gave them.

    ``credits``: finite amounts, zero or more. ``ignored``: how many fields of the answer could not be used.
    """

    credits: Mapping[str, float]
    ignored: int = 0
