"""grpcio, against a server with the layer.

usage: grpcio_client.py ADDRESS CALLS

CALLS is JSON: a list of pairs of a name and an `authorization` or null. For each of them a unary
and a streaming call are made, and what became of it is printed as a line of JSON.
"""

import json
import sys

import grpc

address, calls = sys.argv[1], json.loads(sys.argv[2])


def value(data):
    """The text of a `google.protobuf.StringValue`."""
    return data[2:].decode()


def report(kind, name, call):
    answer = {"kind": kind, "name": name, "challenge": None}
    try:
        answer |= {"code": 0, "message": call()}
    except grpc.RpcError as error:
        metadata = dict(error.trailing_metadata())
        answer |= {"code": error.code().value[0], "message": error.details()}
        answer["challenge"] = metadata.get("www-authenticate")
    print(json.dumps(answer))


with grpc.insecure_channel(address) as channel:
    say = channel.unary_unary("/test.Hello/Say", bytes, value)
    count = channel.unary_stream("/test.Hello/Count", bytes, value)
    hi = b"\n\x02hi"
    for kind in ["unary", "stream"]:
        for name, authorization in calls:
            metadata = [("authorization", authorization)] if authorization else []
            options = {"metadata": metadata, "timeout": 30}
            if kind == "unary":
                report(kind, name, lambda: say(hi, **options))
            else:
                report(kind, name, lambda: " ".join(count(hi, **options)))
