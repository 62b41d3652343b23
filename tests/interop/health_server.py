"""A server with grpcio's own health service, whose services are called by their statuses.

Usage: python health_server.py [none], where none leaves the health service out. It takes a free
port. A line "NAME STATUS" on stdin changes a status.
"""

import sys
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

Status = health_pb2.HealthCheckResponse


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    servicer = health.HealthServicer()
    if "none" not in sys.argv:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name, status in Status.ServingStatus.items():
        servicer.set(name, status)
    port = server.add_insecure_port("localhost:0")
    server.start()
    print(port, flush=True)
    for line in sys.stdin:
        name, status = line.split()
        servicer.set(name, Status.ServingStatus.Value(status))


if __name__ == "__main__":
    serve()
