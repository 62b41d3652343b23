"""The tutorial's client in a loop on one channel. Usage: call_many.py HOST:PORT, names on stdin."""

import sys

import grpc

import user_service_pb2
import user_service_pb2_grpc


def run(address):
    with grpc.insecure_channel(address) as channel:
        stub = user_service_pb2_grpc.UserServiceStub(channel)
        for line in sys.stdin:
            request = user_service_pb2.GetUserRequest(username=line.rstrip("\n"))
            print(stub.GetUser(request, timeout=10).message)


if __name__ == "__main__":
    run(sys.argv[1])
