"""Who may talk to the live page's server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from testbed.web.gate import problem

TOKEN = "a-token"


def refused(method: str = "GET", path: str = f"/{TOKEN}/", **headers: str) -> int | None:
    found = problem(method, path, Headers({"host": "127.0.0.1:8000", **headers}), TOKEN)
    return found[0] if found else None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:1", "localhost:65000", "[::1]:80"])
def test_this_machine_by_any_of_its_names(host: str) -> None:
    assert refused(host=host) is None
    assert refused("POST", host=host, origin=f"http://{host}") is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "evil@evil.example:80", "[", "[::2]"]
)
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    assert refused(host=host) == 421


@pytest.mark.parametrize("path", ["", "/", "/a-toke/", "/a-token2/", "//a-token/", "/x/a-token/", "/ä/"])
def test_without_the_token_there_is_nothing(path: str) -> None:
    assert refused(path=path) == 404


@pytest.mark.parametrize(
    "origin", ["", "null", "https://127.0.0.1:8000", "http://127.0.0.1:8001", "http://localhost:8000"]
)
def test_orders_come_from_the_page_itself(origin: str) -> None:
    assert refused("POST", origin=origin) == 403
    assert refused("DELETE") == 403
    assert refused("GET", origin=origin) is None


@given(st.text(), st.text(), st.text(alphabet=st.characters(max_codepoint=255)))
def test_whatever_is_sent_it_decides(method: str, path: str, host: str) -> None:
    found = problem(method, path, Headers(raw=[(b"host", host.encode("latin-1"))]), TOKEN)
    assert found is not None or path.split("/")[1] == TOKEN
    assert found is None or found[0] in (403, 404, 421)
