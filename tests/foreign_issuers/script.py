"""What the scripts of Python's have in common.

    python SERVER.py [MODE]

A script prints one line of JSON: where its server is, and what a client and a resource server need
there. At each line "rotate" it makes the server sign with a new key, and prints one more line of JSON
when it does. It lives as long as its standard input is open.
"""

import json
import os
import socket
import sys
import threading

API = "https://api.example"
MODE = sys.argv[1] if len(sys.argv) > 1 else None


def listen():
    """A socket on a free port of the loopback interface, and its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def serve(app, listener):
    """Serves a WSGI application from a thread."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_):
            pass

    server = make_server(
        "127.0.0.1", 0, app, threaded=True, request_handler=Quiet, fd=listener.fileno()
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()


def started(facts, rotate=None, end=lambda: None):
    print(json.dumps(facts), flush=True)
    for _ in sys.stdin:
        rotate()
        print("{}", flush=True)
    end()
    # Nothing waits for the threads that serve.
    os._exit(0)
