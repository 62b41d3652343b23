"""Calls GetUser with grpcio, whose retries are those of its service config.

Usage: python get_user.py HOST:PORT NAME [METADATA VALUE].
"""

import json
import sys

import grpc

RETRIES = json.dumps({
    "methodConfig": [{
        "name": [{"service": "userservice.UserService"}],
        "retryPolicy": {
            "maxAttempts": 4,
            "initialBackoff": "0.01s",
            "maxBackoff": "0.05s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        },
    }]
})


def get_user(address, name, metadata=(), timeout=10, config=RETRIES):
    """Returns the greeting, or the name of the status code, and the initial metadata."""
    options = [("grpc.service_config", config)] if config else [("grpc.enable_retries", 0)]
    encoded = name.encode()
    with grpc.insecure_channel(address, options) as channel:
        # On the wire the request and the response are a short string in field 1.
        call = channel.unary_unary("/userservice.UserService/GetUser")
        request = bytes([10, len(encoded)]) + encoded
        try:
            response = call(request, timeout=timeout, metadata=metadata)
            return response[2:].decode()
        except grpc.RpcError as error:
            return error.code().name


if __name__ == "__main__":
    address, name, *metadata = sys.argv[1:]
    print(get_user(address, name, [tuple(metadata)] if metadata else []))
