"""One call of GetUser with grpcio's asyncio, for usersvc gauntlet."""

import asyncio
import os
import sys

import grpc
from google.protobuf.wrappers_pb2 import StringValue


async def main():
    timeout = float(os.environ["USERSVC_TIMEOUT"].removesuffix("ms")) / 1000
    async with grpc.aio.insecure_channel(os.environ["USERSVC_ADDRESS"]) as channel:
        # A message of one string in field 1, as StringValue is, needs no generated code.
        get_user = channel.unary_unary(
            "/userservice.UserService/GetUser",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        try:
            answer = await get_user(StringValue(value="Alice"), timeout=timeout)
            print(answer.value)
        except grpc.RpcError as error:
            print(error.code().name, error.details(), file=sys.stderr)
            return 64 + error.code().value[0]


sys.exit(asyncio.run(main()))
