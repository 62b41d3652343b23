// Calls GetUser for each line of stdin, in turn or many at once, and prints how each call ended, an
// object of JSON a line. Usage: caller [-concurrency N] [-timeout DURATION] TARGET
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	// What usersvc decodes as well.
	_ "google.golang.org/grpc/encoding/gzip"
)

const method = "/userservice.UserService/GetUser"

type outcome struct {
	Username string `json:"username"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// A message of one string in field 1, as StringValue is, needs no generated code.
func greet(channel *grpc.ClientConn, name string, timeout time.Duration) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	err := channel.Invoke(ctx, method, wrapperspb.String(name), &wrapperspb.StringValue{})
	return outcome{name, status.Code(err).String(), status.Convert(err).Message()}
}

func run(target string, concurrency int, timeout time.Duration) error {
	channel, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		// As soon as usersvc tries again.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
			BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second,
		}, MinConnectTimeout: 20 * time.Second}))
	if err != nil {
		return err
	}
	names := make(chan string)
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			names <- lines.Text()
		}
		close(names)
	}()
	output := json.NewEncoder(os.Stdout)
	var writing sync.Mutex
	var group sync.WaitGroup
	for range concurrency {
		group.Go(func() {
			for name := range names {
				result := greet(channel, name, timeout)
				writing.Lock()
				output.Encode(result)
				writing.Unlock()
			}
		})
	}
	group.Wait()
	return channel.Close()
}

func main() {
	concurrency := flag.Int("concurrency", 1, "how many calls are under way at once")
	timeout := flag.Duration("timeout", time.Second, "the deadline of each call")
	flag.Parse()
	if err := run(flag.Arg(0), *concurrency, *timeout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
