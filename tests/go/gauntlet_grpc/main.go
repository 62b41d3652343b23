// One call of GetUser with grpc-go, for usersvc gauntlet.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A message of one string in field 1, as StringValue is, needs no generated code.
func run(target string, timeout time.Duration) error {
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer := &wrapperspb.StringValue{}
	err = channel.Invoke(ctx, "/userservice.UserService/GetUser", wrapperspb.String("Alice"), answer)
	fmt.Println(answer.GetValue())
	return err
}

func main() {
	timeout, err := time.ParseDuration(os.Getenv("USERSVC_TIMEOUT"))
	if err == nil {
		err = run(os.Getenv("USERSVC_ADDRESS"), timeout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		// An exit code has eight bits: 64 + 192 would be success.
		os.Exit(64 + int(min(status.Code(err), 17)))
	}
}
