// One call of GetUser with grpc-java on Netty, for usersvc gauntlet.
import com.google.protobuf.StringValue;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.util.concurrent.TimeUnit;

class GetUser {
  public static void main(String[] args) {
    String address = System.getenv("USERSVC_ADDRESS");
    long timeout = Long.parseLong(System.getenv("USERSVC_TIMEOUT").replace("ms", ""));
    // A message of one string in field 1, as StringValue is, needs no generated code.
    var marshaller = ProtoUtils.marshaller(StringValue.getDefaultInstance());
    var getUser = MethodDescriptor.newBuilder(marshaller, marshaller)
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("userservice.UserService/GetUser")
        .build();
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    var options = CallOptions.DEFAULT.withDeadlineAfter(timeout, TimeUnit.MILLISECONDS);
    int exitCode = 0;
    try {
      var answer = ClientCalls.blockingUnaryCall(channel, getUser, options, StringValue.of("Alice"));
      System.out.println(answer.getValue());
    } catch (StatusRuntimeException error) {
      System.err.println(error.getStatus());
      exitCode = 64 + error.getStatus().getCode().value();
    }
    channel.shutdownNow();
    System.exit(exitCode);
  }
}
