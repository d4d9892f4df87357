"""What one successful poll learned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# A longer or stranger name is not exported, so that the upstream cannot inflate the cardinality.
CREDIT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Balance:
    """The balances of one account, by credit type, as one answer of the API gave them.

    ``credits``: finite amounts, zero or more. ``ignored``: how many fields of the answer could not be used.
    """

    credits: Mapping[str, float]
    ignored: int = 0
