"""What YAML makes of a plain scalar: only to tell the operator. Settings are decoded from the text itself."""

from __future__ import annotations

import re

from shortgenius_exporter.config.nodes import Scalar

# YAML 1.1 and 1.2 together: what any of the two reads as something else than text.
_NULL = r"~|null|Null|NULL|"
_BOOL = r"(?i:yes|no|on|off|true|false)"
_NUMBER = (
    r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|\.(?:inf|Inf|INF)"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?)"
    r"|\.(?:nan|NaN|NAN)"
)
_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"
_KINDS = re.compile(f"(?P<null>{_NULL})|(?P<bool>{_BOOL})|(?P<number>{_NUMBER})|(?P<date>{_DATE})")
_NAMES = {"null": "null", "bool": "true or false", "number": "a number", "date": "a date"}


def kind_of(node: Scalar) -> str:
    """``text``, ``null``, ``a number``, ``a date`` or ``true or false``."""
    if not node.plain:
        return "text"
    match = _KINDS.fullmatch(node.text)
    return _NAMES[match.lastgroup or ""] if match else "text"
