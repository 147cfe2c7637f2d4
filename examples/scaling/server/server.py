"""Answers with the name of its container; logs one line for each request."""
import datetime
import http.server
import signal
import socket
import threading

# Requests that are being answered.
running = 0
changed = threading.Condition()


def log(text):
    now = datetime.datetime.now().strftime("%Y/%m/%d %H:%M:%S")
    print(f"{now} [info] {text}", flush=True)


def count(difference):
    global running
    with changed:
        running += difference
        changed.notify()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together: an answer is whole or has not begun.
    wbufsize = -1

    def do_GET(self):
        count(1)
        log("server received request")
        body = (socket.gethostname() + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        count(-1)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("", 8000), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
log("server is listening on :8000")
server.serve_forever()
# Told to stop: nothing new is accepted, requests that run are answered.
server.server_close()
with changed:
    changed.wait_for(lambda: running == 0, timeout=8)
