"""A server that dies in the middle of a session."""

import grpc


def test_whose_server_dies(usersvc):
    usersvc._process.kill()
    with grpc.insecure_channel(usersvc.address) as channel:
        channel.unary_unary("/userservice.UserService/GetUser")(b"", timeout=10)


def test_that_comes_later(usersvc):
    pass
