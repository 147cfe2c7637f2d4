"""Answers every request with the service's name, on every port that it is told."""
import http.server
import os
import socket
import sys
import threading
import time

NAME = os.environ["NAME"].encode()
PIECES = 20
SHOWN = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-ID", "Cookie")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is whole or has not begun.
    wbufsize = -1

    def do_GET(self):
        if "LOG" in os.environ:
            print("request", self.path, flush=True)
        if self.path == "/ws":
            return self.tunnel()
        pieces = PIECES if self.path == "/slow" else 1
        self.send_response(500 if self.path == os.environ.get("FAILS") else 200)
        self.send_header("Content-Length", str(pieces * len(NAME)))
        for name in SHOWN:
            self.send_header("Saw-" + name, ", ".join(self.headers.get_all(name, [])))
        self.send_header("Saw-Port", str(self.server.server_port))
        self.end_headers()
        self.wfile.write(NAME)
        for _ in range(pieces - 1):
            self.wfile.flush()
            time.sleep(2 / PIECES)
            self.wfile.write(NAME)

    def tunnel(self):
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("X-Name", NAME.decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while data := self.connection.recv(4096):
            self.connection.sendall(data)

    def log_message(self, *_):
        pass


class Six(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


def serve(port):
    kind = Six if "V6" in os.environ else http.server.ThreadingHTTPServer
    kind(("", int(port)), Handler).serve_forever()


for number in sys.argv[2:]:
    threading.Thread(target=serve, args=(number,)).start()
serve(sys.argv[1])
