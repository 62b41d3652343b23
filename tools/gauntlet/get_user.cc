// One call of GetUser with gRPC for C++, for usersvc gauntlet.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "user_service.grpc.pb.h"

int main() {
  auto channel = grpc::CreateChannel(getenv("USERSVC_ADDRESS"), grpc::InsecureChannelCredentials());
  auto stub = userservice::UserService::NewStub(channel);
  grpc::ClientContext context;
  auto timeout = std::chrono::milliseconds(std::stol(getenv("USERSVC_TIMEOUT")));
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  userservice::GetUserRequest request;
  userservice::GetUserResponse response;
  request.set_username("Alice");
  grpc::Status status = stub->GetUser(&context, request, &response);
  if (status.ok()) {
    std::cout << response.message() << std::endl;
    return 0;
  }
  std::cerr << status.error_code() << " " << status.error_message() << std::endl;
  // An exit code has eight bits: 64 + 192 would be success.
  bool exists = status.error_code() >= 0 && status.error_code() <= grpc::UNAUTHENTICATED;
  return 64 + (exists ? status.error_code() : 17);
}
