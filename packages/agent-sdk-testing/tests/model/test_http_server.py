from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from agent_sdk_testing import Gate, ScriptedModel, Signal, delay, deltas, disconnect, stall, text
from agent_sdk_testing.model.http_server import HttpRequest, HttpResponse, HttpServer

Ask = Callable[..., http.client.HTTPResponse]


def threads_of_the_server() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("agent-sdk-testing")]


def dial(model: ScriptedModel) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(model.url.rsplit(":", 1)[1])), timeout=120)


def exchange(model: ScriptedModel, data: bytes) -> bytes:
    """Send bytes and return everything up to the end of the connection."""
    with dial(model) as connection:
        connection.sendall(data)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_a_connection_is_used_for_several_requests(model: ScriptedModel) -> None:
    model.otherwise(text("x"))
    connection = http.client.HTTPConnection(model.url.removeprefix("http://"), timeout=120)
    for _ in range(3):
        connection.request("POST", "/v1/responses", body=b'{"input": "hi"}')
        assert connection.getresponse().read().endswith(b"\n\n")
    assert len([name for name in threads_of_the_server() if "connection" in name]) == 1
    connection.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"POST /v1/responses HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"411"),
        (b"POST /v1/responses HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
    ],
)
def test_what_is_not_http_as_we_speak_it_is_refused_and_recorded(
    data: bytes, status: bytes, model: ScriptedModel
) -> None:
    received = exchange(model, data)
    assert received.startswith(b"HTTP/1.1 400")
    assert b"Connection: close" in received
    assert status in received
    assert status.decode() in model.unexpected[0].reason
    assert model.requests == ()


def test_a_request_that_is_cut_off_was_never_made(model: ScriptedModel) -> None:
    with dial(model) as connection:
        connection.sendall(b"POST /v1/responses HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""
    assert model.requests == model.unexpected == ()


def test_any_method_is_answered(model: ScriptedModel) -> None:
    received = exchange(model, b"BREW /v1/coffee HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"404" in received.splitlines()[0]
    assert model.unexpected[0].request.method == "BREW"


def test_a_head_request_gets_no_body(model: ScriptedModel) -> None:
    received = exchange(model, b"HEAD /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert received.endswith(b"\r\n\r\n")


def test_what_comes_before_a_gate_is_sent_and_the_rest_when_it_opens(model: ScriptedModel, ask: Ask) -> None:
    gate = Gate()
    model.reply(text("before", gate, "after"))
    response = ask()
    gate.reached_sync()
    before = response.read1()
    assert b"before" in before
    assert b"after" not in before
    gate.open()
    assert b"after" in response.read()
    assert model.requests[0].finished_sync() == "completed"


def test_a_delay_ends_by_itself(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("a", delay(0.01), "b"))
    assert b"response.completed" in ask().read()


@pytest.mark.parametrize("pause", [Gate(), delay(60)])
def test_a_client_that_goes_away_ends_the_pause(pause: Gate, model: ScriptedModel) -> None:
    model.reply(text("a", pause, "b"))
    with dial(model) as connection:
        connection.sendall(b'POST /v1/responses HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"input": "hi"}')
        assert connection.recv(65536)
    assert model.requests[0].finished_sync() == "client_gone"


def test_a_disconnect_breaks_the_body_off(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("part"), disconnect())
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask().read()
    assert b"part" in caught.value.partial
    assert model.requests[0].finished_sync() == "dropped"


def test_a_clean_disconnect_ends_the_body_without_the_last_event(model: ScriptedModel, ask: Ask) -> None:
    model.reply(text("part"), disconnect(clean=True))
    body = ask().read()
    assert b"part" in body
    assert b"completed" not in body


def test_closing_ends_stalled_and_waiting_responses_and_every_thread() -> None:
    before = threads_of_the_server()
    with ScriptedModel() as model:
        model.reply(text("a"), stall()).reply(text("b", Gate()))
        idle = dial(model)
        clients = [dial(model), dial(model)]
        for client in clients:
            client.sendall(b'POST /v1/responses HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"input": "hi"}')
            assert client.recv(65536)
    assert threads_of_the_server() == before
    assert [request.finished_sync() for request in model.requests] == ["dropped", "dropped"]
    for client in [idle, *clients]:
        while client.recv(65536):
            pass
        client.close()
    with pytest.raises(ConnectionRefusedError):
        dial(model)


def test_closing_ends_a_response_that_nobody_reads() -> None:
    with ScriptedModel() as model:
        model.reply(deltas(200_000))
        client = dial(model)
        client.sendall(b'POST /v1/responses HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"input": "hi"}')
        model.wait_for_requests_sync(1)
    assert model.requests[0].finished_sync() == "dropped"
    client.close()


def test_a_response_without_a_listener_is_answered_all_the_same() -> None:
    server = HttpServer(lambda _: HttpResponse(204))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("GET", "/")
    assert connection.getresponse().status == 204
    connection.close()
    server.close()
    assert server.closing


def test_a_script_that_does_not_return_is_reported_when_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_sdk_testing.model.http_server._JOIN_SECONDS", 0.01)
    entered, leave = Signal(), Signal()

    def respond(request: HttpRequest) -> HttpResponse:
        entered.set()
        leave.wait_sync()
        return HttpResponse(200)

    server = HttpServer(respond)
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        entered.wait_sync()
        with pytest.raises(RuntimeError, match="still running"):
            server.close()
        leave.set()
        assert client.recv(100) == b""


def test_a_script_may_close_its_own_server() -> None:
    def respond(request: HttpRequest) -> HttpResponse:
        server.close()
        return HttpResponse(200)

    server = HttpServer(respond)
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b""


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("agent-sdk-testing"):
            thread.join(30)
    assert threads_of_the_server() == []
