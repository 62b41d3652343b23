// A client of grpc-go whose retries are those of its service config.
// Usage: retries HOST:PORT NAME [METADATA VALUE].
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const config = `{"methodConfig": [{
	"name": [{"service": "userservice.UserService"}],
	"retryPolicy": {
		"maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.05s", "backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}]}`

func main() {
	channel, err := grpc.NewClient(
		os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(config),
	)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if len(os.Args) > 3 {
		ctx = metadata.AppendToOutgoingContext(ctx, os.Args[3], os.Args[4])
	}
	// On the wire the request and the response are a string in field 1, as this message is.
	answer := &wrapperspb.StringValue{}
	err = channel.Invoke(ctx, "/userservice.UserService/GetUser", wrapperspb.String(os.Args[2]), answer)
	if err != nil {
		fmt.Println(status.Code(err))
		return
	}
	fmt.Println(answer.GetValue())
}
