"""Answers with the name of its container; logs one line for each request."""
import datetime
import http.server
import signal
import socket
import sys


def log(text):
    now = datetime.datetime.now().strftime("%Y/%m/%d %H:%M:%S")
    print(f"{now} [info] {text}", flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        log("server received request")
        body = (socket.gethostname() + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("", 8000), Handler)
# Running requests end before the process does.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
log("server is listening on :8000")
server.serve_forever()
