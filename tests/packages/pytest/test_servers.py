"""What the fixture usersvc_server starts."""

import grpc
import pytest


def call(server, name, metadata=()):
    """Calls for a name of ASCII letters; the messages are written by hand."""
    with grpc.insecure_channel(server.address) as channel:
        method = channel.unary_unary("/userservice.UserService/GetUser")
        request = b"\n" + bytes([len(name)]) + name.encode()
        _, ended = method.with_call(request, timeout=60, metadata=metadata)
        return dict(ended.initial_metadata()).get("hostname")


def names(records):
    return [one["username"] for one in records]


def test_many_at_once(usersvc_server):
    with usersvc_server("--instance", "blue") as blue, usersvc_server("--instance", "red") as red:
        assert (call(blue, "Alice"), call(red, "Bob")) == ("blue", "red")
        assert names(blue.calls()) == ["Alice"]
        assert names(red.calls()) == ["Bob"]
    with pytest.raises(grpc.RpcError):
        call(blue, "Alice")


@pytest.fixture(scope="module")
def kept(usersvc_server):
    """Serves for all tests of this file."""
    return usersvc_server("--log-metadata", "x-request-id")


def test_restarts_on_its_port(kept):
    call(kept, "Alice")
    address = kept.address
    kept.stop()
    assert names(kept.calls()) == ["Alice"]
    with pytest.raises(grpc.RpcError):
        call(kept, "Lost")
    kept.start()
    assert kept.address == address
    call(kept, "Bob")
    assert names(kept.calls(count=2)) == names(kept.calls()) == ["Alice", "Bob"]
    with pytest.raises(AssertionError, match="has 2 of 3 records with .* since the session"):
        kept.calls(count=3, timeout=0)


def test_forgets_what_came_before(kept):
    assert kept.calls() == []
    assert names(kept.calls(whole_session=True)) == ["Alice", "Bob"]
    call(kept, "Carl")
    kept.reset()
    kept.not_logged(username="Carl")
    with pytest.raises(AssertionError, match="has 0 of 1 records with .* since reset"):
        kept.calls(count=1, timeout=0)


def test_finds_calls_by_their_metadata(kept):
    call(kept, "Alice", metadata=[("x-request-id", "7")])
    call(kept, "Bob", metadata=[("x-request-id", "8")])
    call(kept, "Carl")
    assert names(kept.calls(metadata={"x-request-id": "8"})) == ["Bob"]
    assert names(kept.calls(username="Bob", metadata={"x-request-id": "7"})) == []


def test_reads_its_answers_again(usersvc_server, tmp_path):
    answers = tmp_path / "answers.json"
    answers.write_text('{"Bob": {"code": "NOT_FOUND"}}')
    with usersvc_server("--answers", str(answers)) as server:
        with pytest.raises(grpc.RpcError):
            call(server, "Bob")
        answers.write_text("{}")
        server.reload()
        call(server, "Bob")
        answers.write_text("{")
        with pytest.raises(AssertionError, match="has not read its files again: SIGHUP: the old"):
            server.reload()


def test_has_nothing_to_read_again(usersvc_server):
    with usersvc_server() as server:
        with pytest.raises(AssertionError, match="no files to read again"):
            server.reload()
        call(server, "Alice")
