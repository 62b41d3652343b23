"""The tutorial's client. Usage: python client.py HOST:PORT NAME."""

import sys

import grpc

import user_service_pb2
import user_service_pb2_grpc


def run(address, name):
    with grpc.insecure_channel(address) as channel:
        stub = user_service_pb2_grpc.UserServiceStub(channel)
        request = user_service_pb2.GetUserRequest(username=name)
        try:
            # Without a deadline a server that never answers would hang the caller.
            response = stub.GetUser(request, timeout=10)
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")
        print(response.message)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2])
