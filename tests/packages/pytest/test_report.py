"""Tests that fail, for what their reports say."""

import grpc


def call(server, name):
    """Calls for a name of ASCII letters; the messages are written by hand."""
    with grpc.insecure_channel(server.address) as channel:
        method = channel.unary_unary("/userservice.UserService/GetUser")
        method(b"\n" + bytes([len(name)]) + name.encode(), timeout=60)


def test_that_passes(usersvc):
    call(usersvc, "Earlier")


def test_that_fails(usersvc, usersvc_server):
    call(usersvc, "Bob")
    with usersvc_server() as blue:
        call(blue, "Alice")
        assert usersvc.calls(count=1) == blue.calls(count=1)


def test_that_calls_often(usersvc):
    for _ in range(30):
        call(usersvc, "Carl")
    assert len(usersvc.calls()) == 29
