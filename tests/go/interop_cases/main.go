// Cases of gRPC's interop tests that its own client does not have.
//
//	go run . descriptors        writes the descriptors of grpc.testing, a FileDescriptorSet, to stdout
//	go run . CASE ADDRESS       runs a case that gRPC's own interop client does not have
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	testing "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// No case takes as long as that; one that waits for ever fails with DEADLINE_EXCEEDED.
const limit = 60 * time.Second

const mib = 1 << 20

var cases = map[string]func(context.Context, testing.TestServiceClient) error{
	"large_messages":       largeMessages,
	"compressed_unary":     compressedUnary,
	"slow_reader":          slowReader,
	"slow_server":          slowServer,
	"cancelled_streams":    cancelledStreams,
	"concurrent_unary":     concurrentUnary,
	"concurrent_streams":   concurrentStreams,
	"messages_of_any_size": messagesOfAnySize,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "descriptors" {
		return writeDescriptors()
	}
	if len(args) != 2 || cases[args[0]] == nil {
		return fmt.Errorf("usage: descriptors, or CASE ADDRESS; not %q", args)
	}
	conn, err := grpc.NewClient(args[1], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64*mib)))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return cases[args[0]](ctx, testing.NewTestServiceClient(conn))
}

func writeDescriptors() error {
	set := &descriptorpb.FileDescriptorSet{}
	var add func(file protoreflect.FileDescriptor)
	added := map[string]bool{}
	add = func(file protoreflect.FileDescriptor) {
		if added[file.Path()] {
			return
		}
		added[file.Path()] = true
		for i := range file.Imports().Len() {
			add(file.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	add(testing.File_grpc_testing_test_proto)
	bytes, err := proto.Marshal(set)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(bytes)
	return err
}

func payload(size int) *testing.Payload {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i * 7)
	}
	return &testing.Payload{Body: body}
}

func unary(ctx context.Context, client testing.TestServiceClient, request, response int,
	options ...grpc.CallOption) error {
	answer, err := client.UnaryCall(ctx, &testing.SimpleRequest{
		ResponseSize: int32(response),
		Payload:      payload(request),
	}, options...)
	if err != nil {
		return fmt.Errorf("%d bytes for %d: %w", request, response, err)
	}
	return sized(answer.GetPayload(), response)
}

func sized(payload *testing.Payload, want int) error {
	if got := len(payload.GetBody()); got != want {
		return fmt.Errorf("an answer of %d bytes instead of %d", got, want)
	}
	return nil
}

// Several times the largest window of flow control.
func largeMessages(ctx context.Context, client testing.TestServiceClient) error {
	if err := unary(ctx, client, 24*mib, 0); err != nil {
		return err
	}
	if err := unary(ctx, client, 0, 24*mib); err != nil {
		return err
	}
	return unary(ctx, client, 24*mib, 24*mib)
}

func compressedUnary(ctx context.Context, client testing.TestServiceClient) error {
	return unary(ctx, client, mib, mib, grpc.UseCompressor(gzip.Name))
}

// Sizes about those of frames and windows.
func messagesOfAnySize(ctx context.Context, client testing.TestServiceClient) error {
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for _, around := range []int{0, 1 << 10, 1 << 14, 1 << 15, 1<<16 - 1, 1 << 18} {
		for size := max(0, around-16); size <= around+16; size++ {
			if err := stream.Send(output(size, size)); err != nil {
				return err
			}
			if err := receive(stream, size); err != nil {
				return err
			}
		}
	}
	return ended(stream)
}

func output(request int, responses ...int) *testing.StreamingOutputCallRequest {
	parameters := make([]*testing.ResponseParameters, len(responses))
	for i, size := range responses {
		parameters[i] = &testing.ResponseParameters{Size: int32(size)}
	}
	return &testing.StreamingOutputCallRequest{
		Payload:            payload(request),
		ResponseParameters: parameters,
	}
}

type responses interface {
	Recv() (*testing.StreamingOutputCallResponse, error)
}

func receive(stream responses, size int) error {
	answer, err := stream.Recv()
	if err != nil {
		return err
	}
	return sized(answer.GetPayload(), size)
}

type duplex interface {
	responses
	CloseSend() error
}

func ended(stream duplex) error {
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end of a stream is %v", err)
	}
	return nil
}

// A client that reads slowly holds the server up, not another call of its connection.
func slowReader(ctx context.Context, client testing.TestServiceClient) error {
	sizes := make([]int, 64)
	for i := range sizes {
		sizes[i] = 256 << 10
	}
	stream, err := client.StreamingOutputCall(ctx, output(0, sizes...))
	if err != nil {
		return err
	}
	for _, size := range sizes {
		if err := receive(stream, size); err != nil {
			return err
		}
		if err := unary(ctx, client, 10, 10); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end of a stream is %v", err)
	}
	return nil
}

// The server answers each message late, so that requests pile up before it.
func slowServer(ctx context.Context, client testing.TestServiceClient) error {
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	const messages = 64
	sent := make(chan error, 1)
	go func() {
		for range messages {
			request := output(256<<10, 1)
			request.ResponseParameters[0].IntervalUs = 5000
			if err := stream.Send(request); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range messages {
		if err := receive(stream, 1); err != nil {
			return err
		}
	}
	if err := <-sent; err != nil {
		return err
	}
	return ended(stream)
}

// Streams of each kind are cancelled with data on its way in both directions; the connection must
// have all of its window afterwards.
func cancelledStreams(ctx context.Context, client testing.TestServiceClient) error {
	return atOnce(16, func() error {
		for range 32 {
			if err := cancelOne(ctx, client); err != nil {
				return err
			}
		}
		return unary(ctx, client, mib, mib)
	})
}

func cancelOne(ctx context.Context, client testing.TestServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(output(100_000, 100_000, 100_000, 100_000)); err != nil {
		return err
	}
	if err := receive(stream, 100_000); err != nil {
		return err
	}
	cancel()
	for {
		if _, err := stream.Recv(); err != nil {
			if status.Code(err) == codes.Canceled {
				return nil
			}
			return fmt.Errorf("a cancelled stream ends with %w", err)
		}
	}
}

// More calls at once than a server allows by default on one connection.
func concurrentUnary(ctx context.Context, client testing.TestServiceClient) error {
	return atOnce(1000, func() error { return unary(ctx, client, 1000, 1000) })
}

// All streams are open before the first of them ends.
func concurrentStreams(ctx context.Context, client testing.TestServiceClient) error {
	const count = 1000
	var open sync.WaitGroup
	open.Add(count)
	return atOnce(count, func() error {
		stream, err := client.FullDuplexCall(ctx)
		if err == nil {
			err = stream.Send(output(100, 1000))
		}
		if err == nil {
			err = receive(stream, 1000)
		}
		open.Done()
		if err != nil {
			return err
		}
		open.Wait()
		if err := stream.Send(output(1000, 100)); err != nil {
			return err
		}
		if err := receive(stream, 100); err != nil {
			return err
		}
		return ended(stream)
	})
}

func atOnce(count int, do func() error) error {
	failures := make(chan error, count)
	for range count {
		go func() { failures <- do() }()
	}
	var first error
	for range count {
		if err := <-failures; err != nil && first == nil {
			first = err
		}
	}
	return first
}
