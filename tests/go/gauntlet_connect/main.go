// One call of GetUser with connect-go, by gRPC, for usersvc gauntlet.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A message of one string in field 1, as StringValue is, needs no generated code.
func run(address string, timeout time.Duration) error {
	// HTTP/2 without TLS has to be asked for.
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	client := connect.NewClient[wrapperspb.StringValue, wrapperspb.StringValue](
		&http.Client{Transport: &http.Transport{Protocols: protocols}},
		"http://"+address+"/userservice.UserService/GetUser",
		connect.WithGRPC(),
	)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer, err := client.CallUnary(ctx, connect.NewRequest(wrapperspb.String("Alice")))
	if err != nil {
		return err
	}
	fmt.Println(answer.Msg.GetValue())
	return nil
}

func main() {
	timeout, err := time.ParseDuration(os.Getenv("USERSVC_TIMEOUT"))
	if err == nil {
		err = run(os.Getenv("USERSVC_ADDRESS"), timeout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		// An exit code has eight bits: 64 + 192 would be success.
		os.Exit(64 + int(min(connect.CodeOf(err), 17)))
	}
}
