from __future__ import annotations

import pytest
import trustme


@pytest.fixture(scope="session")
def ca_pem() -> bytes:
    return trustme.CA().cert_pem.bytes()
