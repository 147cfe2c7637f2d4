"""Answers with the name of its container; signals named as arguments do not end it."""
import http.server
import signal
import socket
import sys

for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), signal.SIG_IGN)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is whole or has not begun.
    wbufsize = -1

    def do_GET(self):
        body = socket.gethostname().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
