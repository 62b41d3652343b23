// The tutorial's server on grpc-go. Usage: grpc-go PORT, where 0 takes a free port.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"

	"usersvc.example/grpc-go/userservice"
)

type service struct {
	userservice.UnimplementedUserServiceServer
}

func (service) GetUser(
	_ context.Context, request *userservice.GetUserRequest,
) (*userservice.GetUserResponse, error) {
	fmt.Printf("Получен запрос к методу GetUser от пользователя: %s\n", request.GetUsername())
	return &userservice.GetUserResponse{Message: fmt.Sprintf("Привет, %s!", request.GetUsername())}, nil
}

func serve(port string) error {
	listener, err := net.Listen("tcp", "[::]:"+port)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	userservice.RegisterUserServiceServer(server, service{})
	fmt.Printf("gRPC сервер запущен на порту %d...\n", listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(listener)
}

func main() {
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
