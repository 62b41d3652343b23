"""The tutorial's server. Usage: python server.py PORT, where 0 takes a free port."""

import sys
from concurrent import futures

import grpc

import user_service_pb2
import user_service_pb2_grpc


class UserService(user_service_pb2_grpc.UserServiceServicer):
    def GetUser(self, request, context):
        print(
            f"Получен запрос к методу GetUser от пользователя: {request.username}",
            flush=True,
        )
        return user_service_pb2.GetUserResponse(message=f"Привет, {request.username}!")


def serve(port):
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=10),
        # Where more than 1,000 calls wait, grpcio refuses some of them at random.
        options=[("grpc.server.max_pending_requests", 2000)],
    )
    user_service_pb2_grpc.add_UserServiceServicer_to_server(UserService(), server)
    # Only the bound port says which one 0 has become.
    bound = server.add_insecure_port(f"[::]:{port}")
    server.start()
    print(f"gRPC сервер запущен на порту {bound}...", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
