// Original file: proto/user_service.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetUserRequest as _userservice_GetUserRequest, GetUserRequest__Output as _userservice_GetUserRequest__Output } from '../userservice/GetUserRequest.ts';
import type { GetUserResponse as _userservice_GetUserResponse, GetUserResponse__Output as _userservice_GetUserResponse__Output } from '../userservice/GetUserResponse.ts';

/**
 * Greets users.
 */
export interface UserServiceClient extends grpc.Client {
  /**
   * Returns a greeting for one user.
   * 
   * INVALID_ARGUMENT: the username is empty, blank, or longer than 256
   * characters (Unicode code points).
   */
  GetUser(argument: _userservice_GetUserRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  GetUser(argument: _userservice_GetUserRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  GetUser(argument: _userservice_GetUserRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  GetUser(argument: _userservice_GetUserRequest, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Returns a greeting for one user.
   * 
   * INVALID_ARGUMENT: the username is empty, blank, or longer than 256
   * characters (Unicode code points).
   */
  getUser(argument: _userservice_GetUserRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  getUser(argument: _userservice_GetUserRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  getUser(argument: _userservice_GetUserRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  getUser(argument: _userservice_GetUserRequest, callback: grpc.requestCallback<_userservice_GetUserResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Greets users.
 */
export interface UserServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Returns a greeting for one user.
   * 
   * INVALID_ARGUMENT: the username is empty, blank, or longer than 256
   * characters (Unicode code points).
   */
  GetUser: grpc.handleUnaryCall<_userservice_GetUserRequest__Output, _userservice_GetUserResponse>;
  
}

export interface UserServiceDefinition extends grpc.ServiceDefinition {
  GetUser: MethodDefinition<_userservice_GetUserRequest, _userservice_GetUserResponse, _userservice_GetUserRequest__Output, _userservice_GetUserResponse__Output>
}
