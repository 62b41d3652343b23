import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { GetUserRequest as _userservice_GetUserRequest, GetUserRequest__Output as _userservice_GetUserRequest__Output } from './userservice/GetUserRequest.ts';
import type { GetUserResponse as _userservice_GetUserResponse, GetUserResponse__Output as _userservice_GetUserResponse__Output } from './userservice/GetUserResponse.ts';
import type { UserServiceClient as _userservice_UserServiceClient, UserServiceDefinition as _userservice_UserServiceDefinition } from './userservice/UserService.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  userservice: {
    GetUserRequest: MessageTypeDefinition<_userservice_GetUserRequest, _userservice_GetUserRequest__Output>
    GetUserResponse: MessageTypeDefinition<_userservice_GetUserResponse, _userservice_GetUserResponse__Output>
    /**
     * Greets users.
     */
    UserService: SubtypeConstructor<typeof grpc.Client, _userservice_UserServiceClient> & { service: _userservice_UserServiceDefinition }
  }
}

