"""Nobody reaches the page but who knows its address, from this machine's own name."""

import pytest

PLACES = ["", "tables", "tables/x/", "verdicts/x/state"]


def test_the_page_is_there_for_who_knows_the_secret(acting):
    answer = acting.get("")
    assert answer.status == 200
    assert "Drop a file here" in answer.text


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_secret_nothing_is_answered(acting, method, place):
    for base in ("", "/wrong", acting.base[:-1], acting.base + "x"):
        answer = acting.ask(method, f"{base}/{place}")
        assert answer.status == 404
        assert "steepest lab" in answer.text
        assert acting.base.strip("/") not in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1"]
)
def test_another_name_of_this_machine_is_refused(acting, host):
    """As a page elsewhere can give to it, to read what is answered."""
    host = host.format(port=acting.host.split(":")[1])
    answer = acting.ask("GET", acting.path(""), Host=host)
    assert answer.status == 403
    assert "Drop" not in answer.text


def test_localhost_is_this_machine(acting):
    answer = acting.ask("GET", acting.path(""), Host=acting.host.replace("127.0.0.1", "localhost"))
    assert answer.status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_of_another_page_is_refused(acting, origin):
    before = len(acting.get("").text)
    assert acting.ask("POST", acting.path("tables"), b"", Origin=origin).status == 403
    assert len(acting.get("").text) == before


def test_no_answer_may_be_kept_framed_or_told_to_others(acting):
    for place in ("", "nothing/here"):
        headers = acting.get(place).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in acting.get("").text


def test_a_ticket_leads_to_the_page_once(serving, program):
    from lab_client import Client

    with serving(program=program) as address:
        client = Client(address.page)
        ticket = "/" + address.ticket.split("/", 3)[3]
        first = client.ask("GET", ticket)
        assert (first.status, first.headers["Location"]) == (303, f"{client.base}/")
        assert client.ask("GET", ticket).status == 404
