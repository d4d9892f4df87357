"""What an operator can do about a failed poll."""

from __future__ import annotations

from shortgenius_exporter.core.account import DEFAULT_BASE_URL, Account, KeyFile
from shortgenius_exporter.core.reason import Reason

_ADVICE = {
    Reason.PAYMENT_REQUIRED: "Pay for the account's plan at ShortGenius; it is asked again by itself",
    Reason.RATE_LIMITED: "Poll less often: raise poll_interval, or set limits.max_requests_per_second",
    Reason.CLIENT_ERROR: f"Check the account's base_url: the API's is {DEFAULT_BASE_URL}",
    Reason.SERVER_ERROR: "Nothing to do here: it is asked again by itself; if it lasts, tell ShortGenius",
    Reason.REDIRECT: "Set base_url to the address that it redirects to, if you trust that",
    Reason.TIMEOUT: "Check the network and the proxy; if the API is merely slow, raise poll_timeout",
    Reason.CONNECTION: "Check base_url, name resolution, firewall and proxy; where a proxy is needed, set "
    "proxy_url or HTTPS_PROXY",
    Reason.TLS: "Check base_url and this machine's clock; where the network has a certificate authority of its own, "
    "name its PEM file in ca_file, in a configuration file",
    Reason.INVALID_RESPONSE: "Check that base_url is the API's address and no proxy or login page answers in its place",
    Reason.INTERNAL: "Report it with the lines of the log that belong to it",
}

# Copied when the service starts, from where LoadCredential= says (systemd.exec(5)).
_SYSTEMD_CREDENTIALS = "/run/credentials"


def advice(account: Account, reason: Reason) -> str:
    """One sentence without its full stop."""
    if reason is Reason.AUTH:
        return _replace_the_key(account)
    return _ADVICE[reason]


def _replace_the_key(account: Account) -> str:
    if isinstance(account.key, KeyFile):
        if account.key.path.is_relative_to(_SYSTEMD_CREDENTIALS):
            return f"Replace the key that systemd copies to {account.key.path}, then restart the service"
        return f"Replace the key in {account.key.path}; no restart is needed"
    if account.key_variable is not None:
        return f"Replace the key in the environment variable {account.key_variable}, then restart the exporter"
    return "Replace the account's api_key in the configuration, then reload it (SIGHUP)"
