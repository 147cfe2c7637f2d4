"""A small JSON API with CORS headers. Answers HTTP/1.0 and closes, as many simple servers do."""
import http.server
import json
import signal
import socket
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=None):
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Vary", "Origin")
        self.send_header("Access-Control-Allow-Methods", "GET, OPTIONS")
        if body is not None:
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        if body is not None:
            self.wfile.write(json.dumps(body).encode())

    def do_GET(self):
        message = {"hostname": socket.gethostname(), "message": "Hello from the API"}
        self.answer(200, message)

    def do_OPTIONS(self):
        self.answer(204)

    def log_message(self, text, *args):
        print("api: " + text % args, flush=True)


server = http.server.ThreadingHTTPServer(("", 5000), Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.serve_forever()
