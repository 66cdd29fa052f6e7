from __future__ import annotations

import socket
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest

import agent_fleet
from agent_fleet.commands import join
from agent_fleet.errors import FleetError, FleetFullError
from agent_fleet.line import FleetHost
from agent_fleet.placing import Limits, place, wanted
from agent_fleet.plane.folder import FOLDER_VARIABLE, TOKEN_VARIABLE, FleetFolder, Node
from agent_fleet.plane.nodes import TAG, start_node
from agent_fleet.store.records import Load, Waiter
from agent_fleet.versions import refuse_if_ray_does, require_same, version_labels, versions, versions_of
from agent_sdk_core import InvalidRequestError, UnsupportedVersionError

NAMES = [
    "FleetBackend",
    "FleetError",
    "FleetFullError",
    "FleetHost",
    "FleetSession",
    "FleetStore",
    "FleetStoreError",
    "GitClone",
    "GitWorktree",
    "HostGoneError",
    "HostLostError",
    "WorkspaceProvider",
]


def test_the_public_names_are_these_and_load() -> None:
    assert sorted(agent_fleet.__all__) == NAMES
    assert all(getattr(agent_fleet, name) is not None for name in NAMES)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = agent_fleet.nonsense
    assert agent_fleet.__version__ == version("agent-sdk-fleet")


def test_hosts_are_chosen_by_name_and_label() -> None:
    hosts = [FleetHost("a", "x", labels={"gpu": "yes"}), FleetHost("b", "x"), FleetHost("c", "x", alive=False)]
    assert [host.name for host in wanted(hosts, (), {})] == ["a", "b"]
    assert [host.name for host in wanted(hosts, ("b", "c"), {})] == ["b"]
    assert [host.name for host in wanted(hosts, (), {"gpu": "yes"})] == ["a"]
    with pytest.raises(FleetError, match="it has: a, b"):
        wanted(hosts, ("c",), {})


def test_tenants_that_wait_take_turns() -> None:
    hosts = [FleetHost("a", "x"), FleetHost("b", "x")]
    loads = [Load("a", "big", 2), Load("b", "small", 1)]
    first = Waiter("1", "big", frozenset({"a", "b"}), 1.0)
    second = Waiter("2", "small", frozenset({"a", "b"}), 2.0)
    third = Waiter("3", "small", frozenset({"a", "b"}), 3.0)
    waiting = [first, second, third]

    def placed(tenant: str, waiter: str) -> str:
        return place(hosts, loads, tenant=tenant, limits=Limits(2), waiting=waiting, waiter=waiter).name

    assert placed("small", "2") == "b"  # It has fewer sessions than who waits longer.
    for tenant, waiter in (("small", "3"), ("big", "1"), ("big", "new")):
        with pytest.raises(FleetFullError, match="take turns") as raised:
            placed(tenant, waiter)
        assert raised.value.details["before"] in (1, 2, 3)
    assert placed("new", "new") == "b"
    waiting = [Waiter("1", "new", frozenset({"a"}), 1.0)]
    assert placed("big", "other") == "b"  # Who waits for another host comes not before.


@pytest.mark.parametrize("name", ["python", "ray", "agent-sdk", "protocol"])
def test_other_versions_are_refused_with_words(name: str) -> None:
    require_same("one", versions())
    mine = versions()[name]
    with pytest.raises(
        UnsupportedVersionError, match=rf"^Host one and this machine differ: {name} 2\.7 there"
    ) as raised:
        require_same("one", {**versions(), name: "2.7"})
    assert raised.value.details["differ"] == {name: ["2.7", mine]}


def test_what_ray_refuses_for_its_versions_is_told_in_our_words() -> None:
    said = (
        "RuntimeError: Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.11.2\n"
        "This process on node 127.0.0.1 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    with pytest.raises(UnsupportedVersionError, match=r"^The fleet and this machine differ: python 3\.11\.2 there, 3"):
        refuse_if_ray_does("The fleet", said)
    with pytest.raises(UnsupportedVersionError, match="agent-sdk none there"):
        require_same("one", {})
    refuse_if_ray_does("The fleet", "Ray: 1 Python: 2 and Ray: 3 Python: 4, and nothing of versions.")
    refuse_if_ray_does("The fleet", "Version mismatch: told in other words.")


def test_the_labels_of_a_node_tell_its_versions() -> None:
    assert versions_of({**version_labels(), "gpu": "yes"}) == versions()
    assert versions_of({"gpu": "yes"}) is None


def test_the_folder_keeps_token_and_nodes_for_its_owner_alone(tmp_path: Path) -> None:
    folder = FleetFolder(tmp_path / "fleet")
    assert (folder.address, folder.nodes, folder.environment()) == (None, [], {})
    folder.make_token()
    token = folder.token_path.read_text()
    assert len(token) == 64
    assert folder.token_path.stat().st_mode & 0o077 == 0
    folder.make_token()
    assert folder.token_path.read_text() == token
    folder.make_token("given")
    assert folder.token_path.read_text() == "given"
    assert folder.environment()["RAY_AUTH_MODE"] == "token"
    node = Node("one", 1, "tag", head=True, address="127.0.0.1")
    folder.note("127.0.0.1:1", [node])
    assert (folder.address, folder.nodes) == ("127.0.0.1:1", [node])
    folder.forget()
    assert folder.address is None
    (tmp_path / "file").write_text("")
    with pytest.raises(FleetError, match="cannot be made"):
        FleetFolder(tmp_path / "file" / "fleet").make()


def test_joining_what_cannot_be_reached_is_told_at_once_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv(TOKEN_VARIABLE, "another")
    folder = FleetFolder()
    folder.make_token("of the fleet")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"  # Nobody listens there, and nobody else can.
        with pytest.raises(FleetError, match="Connection refused"):
            join(address, name="two", host=None, as_json=False, say=print)
    for wrong in ("head", "head:", "head:x", "head:0", "head:65536", ":1"):
        with pytest.raises(InvalidRequestError, match="write HOST:PORT"):
            join(wrong, name="two", host=None, as_json=False, say=print)
    assert folder.token_path.read_text() == "of the fleet"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-", None])
def test_joining_what_is_no_fleet_is_told_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv(TOKEN_VARIABLE, "another")
    monkeypatch.setattr("agent_fleet.plane.addresses._SECONDS", 10.0 if answer is not None else 0.2)
    folder = FleetFolder()
    folder.make_token("of the fleet")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            way, _ = listener.accept()
            with way:
                if answer is None:  # Silent, until who asked is gone.
                    while way.recv(64):
                        pass
                else:
                    way.sendall(answer)
                    way.shutdown(socket.SHUT_WR)
                    way.recv(64)

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(FleetError, match="is no fleet: it does not answer as one"):
            join(f"127.0.0.1:{listener.getsockname()[1]}", name="two", host=None, as_json=False, say=print)
        server.join()
    assert folder.token_path.read_text() == "of the fleet"


def test_a_machine_is_in_one_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv(TOKEN_VARIABLE, "another")
    tag = uuid4().hex
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={TAG: tag}) as node:
        folder = FleetFolder()
        folder.make_token("of the fleet")
        folder.note("127.0.0.1:1", [Node("one", node.pid, tag, head=True, address="127.0.0.1")])
        with pytest.raises(InvalidRequestError, match=r"in a fleet already, at 127\.0\.0\.1:1"):
            join("127.0.0.1:2", name="two", host=None, as_json=False, say=print)
        assert folder.token_path.read_text() == "of the fleet"
        node.kill()


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a,b"])
def test_a_name_that_no_host_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError, match="A host's name has no blanks"):
        start_node(FleetFolder(tmp_path), name=name, here="127.0.0.1")
