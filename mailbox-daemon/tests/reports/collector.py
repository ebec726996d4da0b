"""A web server that takes reports about TLS: says on its first line which port it listens on, refuses the first report as a server
under load does, and prints each one it takes as a line of JSON with its media type and content."""

import gzip
import http.server
import json
import ssl
import sys


class Collector(http.server.BaseHTTPRequestHandler):
    is_busy = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if Collector.is_busy else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if not Collector.is_busy:
            report = json.loads(gzip.decompress(body))
            print(json.dumps([self.path, self.headers["Content-Type"], report]), flush=True)
        Collector.is_busy = False

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
