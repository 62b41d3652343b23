// A server that answers one call with each status code, and then prints what go-grpc-prometheus has
// counted, in the text form of Prometheus.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"

	prometheus "github.com/grpc-ecosystem/go-grpc-prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Each call gets the status of the number in its request.
func getUser(_ any, ctx context.Context, decode func(any) error, around grpc.UnaryServerInterceptor) (any, error) {
	request := &wrapperspb.UInt32Value{}
	if err := decode(request); err != nil {
		return nil, err
	}
	info := &grpc.UnaryServerInfo{FullMethod: "/userservice.UserService/GetUser"}
	return around(ctx, request, info, func(context.Context, any) (any, error) {
		return request, status.Error(codes.Code(request.GetValue()), "")
	})
}

var service = grpc.ServiceDesc{
	ServiceName: "userservice.UserService",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "GetUser", Handler: getUser}},
}

func run() error {
	prometheus.EnableHandlingTimeHistogram()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(prometheus.UnaryServerInterceptor))
	server.RegisterService(&service, nil)
	go server.Serve(listener)
	channel, err := grpc.NewClient(
		listener.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	)
	if err != nil {
		return err
	}
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		request := wrapperspb.UInt32(uint32(code))
		err := channel.Invoke(context.Background(), "/userservice.UserService/GetUser", request, request)
		if status.Code(err) != code {
			return fmt.Errorf("%v was answered %v", code, err)
		}
	}
	server.GracefulStop()
	page := httptest.NewRecorder()
	promhttp.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	fmt.Print(page.Body)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
