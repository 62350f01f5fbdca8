"""Serves a receiver as Flask does: it answers 500 to an exception."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def serve(receive) -> None:
    """Serves on a free port and prints its URL. `receive` gets the headers and the raw body, and
    returns a status."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            chunked = "Transfer-Encoding" in self.headers
            body = read_chunks(self.rfile) if chunked else self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status = receive(self.headers, body)
            except Exception:
                status = 500
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/hooks", flush=True)
    server.serve_forever()


def read_chunks(stream) -> bytes:
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body
