"""Says which kind of iris a flower probably is, and which container says so."""
import http.server
import json
import math
import socket
import sys
import time

with open("/model.json" if len(sys.argv) < 2 else sys.argv[1]) as file:
    MODEL = json.load(file)


def predict(flower):
    """Probability of each class; all of them together are 1."""
    scores = {}
    for name, fitted in MODEL["classes"].items():
        # The classes are equally frequent; logarithms do not underflow.
        scores[name] = sum(
            -((float(flower[measure]) - mean) ** 2) / (2 * deviation**2) - math.log(deviation)
            for measure, mean, deviation in zip(
                MODEL["measures"], fitted["mean"], fitted["deviation"]
            )
        )
    best = max(scores.values())
    odds = {name: math.exp(score - best) for name, score in scores.items()}
    total = math.fsum(odds.values())
    return {name: odd / total for name, odd in odds.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, "text/plain", f"Hello World! My Hostname is: {socket.gethostname()}\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/predict":
            return self.told(404, {"error": "POST /predict", "status_code": 404})
        try:
            prediction = predict(json.loads(body))
        except (ValueError, TypeError, KeyError, OverflowError) as fault:
            names = ", ".join(MODEL["measures"])
            error = f"a JSON object with the numbers {names} is expected ({fault})"
            return self.told(400, {"error": error, "status_code": 400})
        return self.told(200, {"prediction": prediction, "status_code": 200})

    def told(self, status, value):
        self.answer(status, "application/json", json.dumps(value, indent=2, sort_keys=True) + "\n")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        print(time.strftime("%Y/%m/%d %H:%M:%S"), "[info]", form % values)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 5000), Handler).serve_forever()
