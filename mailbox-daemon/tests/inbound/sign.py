"""Signs or seals a message: sign.py (sign DOMAIN | seal DOMAIN RESULT) KEY_FILE < message > fields to put on top."""

import sys
import dkim

kind, domain, *rest, key_file = sys.argv[1:]
key = open(key_file, "rb").read()
message = sys.stdin.buffer.read()
if kind == "sign":
    fields = dkim.sign(message, b"s1", domain.encode(), key)
else:
    host = b"mx." + domain.encode()
    seen = b"Authentication-Results: " + host + b"; " + rest[0].encode() + b" header.from=strict.test\r\n"
    fields = b"".join(dkim.arc_sign(seen + message, b"s1", domain.encode(), key, host)) + seen
sys.stdout.buffer.write(fields)
