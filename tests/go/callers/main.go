// Callers that call GetUser until SIGINT, each as soon as its last call is answered; then what became
// of the calls, as JSON. Usage: callers [-callers N] [-connections N] TARGET
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const method = "/userservice.UserService/GetUser"

// A call that takes so long counts as failed, and does not hang.
const deadline = 10 * time.Second

type report struct {
	sync.Mutex
	Calls  int            `json:"calls"`
	Errors map[string]int `json:"errors"`
}

func (r *report) count(err error) {
	r.Lock()
	defer r.Unlock()
	r.Calls++
	if err != nil {
		r.Errors[err.Error()]++
	}
}

// A message of one string in field 1, as StringValue is, needs no generated code.
func greet(channel *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	return channel.Invoke(ctx, method, wrapperspb.String("A"), &wrapperspb.StringValue{})
}

func run(target string, callers, connections int) error {
	stopped, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	result := report{Errors: map[string]int{}}
	channels := make([]*grpc.ClientConn, connections)
	for i := range channels {
		var err error
		plain := grpc.WithTransportCredentials(insecure.NewCredentials())
		if channels[i], err = grpc.NewClient(target, plain); err != nil {
			return err
		}
	}
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for stopped.Err() == nil {
				result.count(greet(channels[i%connections]))
			}
		})
	}
	group.Wait()
	return json.NewEncoder(os.Stdout).Encode(&result)
}

func main() {
	callers := flag.Int("callers", 1, "how many call at the same time")
	connections := flag.Int("connections", 1, "how many connections they share")
	flag.Parse()
	if err := run(flag.Arg(0), *callers, *connections); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
