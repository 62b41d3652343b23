// A server of GetUser by connect-go, which is what usersvc is compared with.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// No generated code: each message of the contract has one text.
func message(name, field string) *descriptorpb.DescriptorProto {
	text := descriptorpb.FieldDescriptorProto_TYPE_STRING
	one, label := int32(1), descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
	return &descriptorpb.DescriptorProto{Name: &name, Field: []*descriptorpb.FieldDescriptorProto{
		{Name: &field, JsonName: &field, Number: &one, Type: &text, Label: &label},
	}}
}

func contract() (protoreflect.MethodDescriptor, error) {
	name, pkg, syntax := "user_service.proto", "userservice", "proto3"
	service, method := "UserService", "GetUser"
	input, output := ".userservice.GetUserRequest", ".userservice.GetUserResponse"
	level := descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: &name, Package: &pkg, Syntax: &syntax,
		MessageType: []*descriptorpb.DescriptorProto{
			message("GetUserRequest", "username"), message("GetUserResponse", "message"),
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: &service,
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name: &method, InputType: &input, OutputType: &output,
				Options: &descriptorpb.MethodOptions{IdempotencyLevel: &level},
			}},
		}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return nil, err
	}
	return file.Services().Get(0).Methods().Get(0), nil
}

func getUser(_ context.Context, request *connect.Request[dynamicpb.Message]) (*connect.Response[dynamicpb.Message], error) {
	schema := request.Spec().Schema.(protoreflect.MethodDescriptor)
	username := request.Msg.Get(schema.Input().Fields().Get(0)).String()
	if username == "" {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("username is empty"))
	}
	if utf8.RuneCountInString(username) > 256 {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("username is longer than 256 characters"))
	}
	if strings.TrimSpace(username) == "" {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("username is blank"))
	}
	answer := dynamicpb.NewMessage(schema.Output())
	answer.Set(schema.Output().Fields().Get(0), protoreflect.ValueOfString("Привет, "+username+"!"))
	return connect.NewResponse(answer), nil
}

func run() error {
	method, err := contract()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	path := "/userservice.UserService/GetUser"
	handler := connect.NewUnaryHandler(path, getUser,
		connect.WithSchema(method),
		connect.WithIdempotency(connect.IdempotencyNoSideEffects),
		connect.WithReadMaxBytes(4<<20),
		connect.WithRequestInitializer(func(spec connect.Spec, request any) error {
			*request.(*dynamicpb.Message) = *dynamicpb.NewMessage(spec.Schema.(protoreflect.MethodDescriptor).Input())
			return nil
		}),
	)
	mux := http.NewServeMux()
	mux.Handle(path, handler)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return http.Serve(listener, mux)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
