# One call of GetUser with gRPC for Ruby, for usersvc gauntlet.
require "google/protobuf/wrappers_pb"
require "grpc"

timeout = ENV.fetch("USERSVC_TIMEOUT").to_i / 1000.0
stub = GRPC::ClientStub.new(ENV.fetch("USERSVC_ADDRESS"), :this_channel_is_insecure)
# A message of one string in field 1, as StringValue is, needs no generated code.
message = Google::Protobuf::StringValue
begin
  answer = stub.request_response(
    "/userservice.UserService/GetUser",
    message.new(value: "Alice"),
    message.method(:encode),
    message.method(:decode),
    deadline: Time.now + timeout,
  )
  puts answer.value
rescue GRPC::BadStatus => error
  warn error.message
  # An exit code has eight bits: 64 + 192 would be success.
  exit 64 + (error.code.between?(0, 16) ? error.code : 17)
end
