"""Messages signed and sealed by python3-dkim, some of them changed afterwards, with what python3-dkim says about them then.
Writes one JSON object: the zone with the keys, and the cases."""

import base64
import json
import re
import subprocess
import sys
import tempfile

import dkim
import nacl.signing

PLAIN = b"From: Ana <ana@a.test>\r\nTo: ben@home.test\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 18:00:00 +0000\r\n\r\n"
MESSAGES = {
    "plain": PLAIN + b"Hello Ben,\r\n\r\nsee you.\r\n",
    "empty body": PLAIN,
    "only empty lines": PLAIN + b"\r\n\r\n\r\n",
    "empty lines at the end": PLAIN + b"Hello.\r\n\r\n\r\n",
    "empty lines at the start": PLAIN + b"\r\n\r\nHello.\r\n",
    "blank lines at the end": PLAIN + b"Hello.\r\n \r\n\t\r\n",
    "blank line, then empty ones": PLAIN + b"Hello.\r\n \t \r\n\r\n\r\n",
    "only blank lines": PLAIN + b" \r\n\t\t\r\n",
    "blanks everywhere": PLAIN + b" a  b\t\tc \t d \r\n\t \r\n  e\t\r\n",
    "dots": PLAIN + b".\r\n..\r\n.x\r\n",
    "eight bits": PLAIN + "Grüße, Ben \u2014 \u20ac\r\n".encode() + b"\xff\xfe\r\n",
    "long line": PLAIN + b"x" * 5000 + b"  y\r\n",
    "folded header": PLAIN.replace(b"hello", b"hello\r\n\t folded   twice\r\n  \tor  more\t") + b"x\r\n",
    "odd header": b"from:ana@a.test\r\nTo:ben@home.test  \r\nSubject:\r\nX-Empty:\r\nSUBJECT: two\t\r\n\r\nx\r\n",
    "fields twice": PLAIN.replace(b"Subject: hello", b"Subject: one\r\nSubject: two\r\nTo: c@home.test") + b"x\r\n",
    "no line break at the end": PLAIN + b"Hello",
}
CHANGES = {
    "nothing": lambda m: m,
    "empty lines appended": lambda m: m + b"\r\n\r\n",
    "blank line appended": lambda m: m + b" \t\r\n",
    "text appended": lambda m: m + b"P.S. buy now\r\n",
    "subject": lambda m: re.sub(rb"(?i)(\r\nsubject:)", rb"\1 not", m),
    "header blanks": lambda m: re.sub(rb"(?i)\r\nTo ?: *ben", b"\r\nTo:   \r\n\t ben", m),
    "field names": lambda m: m.replace(b"\r\nTo:", b"\r\nTO:"),
    "body blanks": lambda m: m.replace(b"see you", b"see   you ").replace(b" a  b", b" a b"),
    "field added below": lambda m: m.replace(b"\r\n\r\n", b"\r\nTo: other@home.test\r\n\r\n", 1),
    "field added above": lambda m: b"Received: from x by y\r\n" + m,
}
CANONS = [(h, b) for h in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")]


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


def rsa_key():
    pem = openssl("genrsa", "2048")
    public = openssl("rsa", "-pubout", "-outform", "DER", stdin=pem)
    return pem, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def ed25519_key():
    key = nacl.signing.SigningKey.generate()
    return base64.b64encode(key.encode()), b"v=DKIM1; k=ed25519; p=" + base64.b64encode(key.verify_key.encode())


KEYS = {b"rsa-sha256": (b"r", *rsa_key()), b"ed25519-sha256": (b"e", *ed25519_key())}
RECORDS = {
    selector + b"._domainkey." + domain: record
    for selector, _, record in KEYS.values()
    for domain in (b"a.test", b"one.test", b"two.test", b"three.test")
}


def lookup(name, timeout=5):
    return RECORDS.get(name.rstrip(b"."))


def text(record):
    strings = [record[at:at + 200] for at in range(0, len(record), 200)]
    return " ".join('"' + string.decode() + '"' for string in strings)


def signed(message, algorithm, canon, **more):
    selector, private, _ = KEYS[algorithm]
    return dkim.sign(message, selector, b"a.test", private, canonicalize=canon, signature_algorithm=algorithm, **more) + message


def dkim_cases():
    for algorithm in KEYS:
        for canon in CANONS:
            for name, message in MESSAGES.items():
                whole = signed(message, algorithm, canon)
                for change, apply in CHANGES.items():
                    changed = apply(whole)
                    if change != "nothing" and changed == whole:
                        continue
                    says = dkim.verify(changed, dnsfunc=lookup)
                    label = f"{algorithm.decode()} {b'/'.join(canon).decode()} {name}: {change}"
                    yield label, changed, "pass" if says else "fail"


def with_sha1(message):
    """opendkim's tool knows no other hash."""
    with tempfile.NamedTemporaryFile() as key:
        key.write(KEYS[b"rsa-sha256"][1])
        key.flush()
        command = ["/usr/sbin/opendkim-testmsg", "-C", "-d", "a.test", "-s", "r", "-k", key.name]
        return subprocess.run(command, input=message, capture_output=True, check=True).stdout


def more_dkim_cases():
    plain = MESSAGES["plain"]
    relaxed = (b"relaxed", b"relaxed")
    with_length = signed(plain, b"rsa-sha256", relaxed, length=True)
    yield "l= of the whole body", with_length, "pass"
    yield "l= of a part of the body", with_length + b"more\r\n", "policy"
    twice = signed(signed(plain, b"rsa-sha256", relaxed), b"ed25519-sha256", relaxed)
    yield "two signatures", twice, "pass pass"
    yield "two signatures, one broken by the subject", twice.replace(b"hello", b"hullo"), "fail fail"
    yield "identity below", signed(plain, b"rsa-sha256", relaxed, identity=b"x@sub.a.test"), "pass"
    one = signed(plain, b"rsa-sha256", relaxed)
    yield "no such key", one.replace(b"s=r;", b"s=nokey;"), "permerror"
    yield "revoked", one.replace(b"s=r;", b"s=revoked;"), "permerror"
    yield "another algorithm's key", one.replace(b"s=r;", b"s=e;"), "permerror"
    yield "key in test", one.replace(b"s=r;", b"s=trying;"), "neutral"
    yield "unreachable key", one.replace(b"@a.test;", b"@broken.test;").replace(b"d=a.test", b"d=broken.test"), "temperror"
    yield "tags twice", one.replace(b"v=1;", b"v=1; v=1;"), "neutral"
    yield "a name that is none", one.replace(b"d=a.test", b"d=a b"), "permerror"
    yield "short key", one.replace(b"s=r;", b"s=short;").replace(b" b=", b" b=" + b"AAAA" * 20 + b"; x_b="), "policy"
    yield "sha1", with_sha1(plain), "policy"
    yield "many signatures", one[:one.index(b"From:")] * 12 + plain, " ".join(["pass"] * 10)


def sealed(message, hop, algorithm=b"rsa-sha256"):
    selector, private, _ = KEYS[algorithm]
    results = f"Authentication-Results: {hop}.test; dmarc=pass header.from=a.test; arc={'none' if hop == 'one' else 'pass'}\r\n".encode()
    domain = f"{hop}.test".encode()
    names = [b"from", b"to", b"subject", b"date"]
    fields = dkim.arc_sign(results + message, selector, domain, private, domain, signature_algorithm=algorithm,
                           include_headers=names)
    return b"".join(fields) + results + message


def arc_cases():
    chain, chains = MESSAGES["plain"], []
    for hop in ("one", "two", "three"):
        chain = sealed(chain, hop)
        chains.append(chain)
    for length, chain in enumerate(chains, 1):
        for change, apply in CHANGES.items():
            changed = apply(chain)
            if change != "nothing" and changed == chain:
                continue
            yield f"chain of {length}: {change}", changed
        yield f"chain of {length}: results changed", chain.replace(b"dmarc=pass", b"dmarc=fail")
        yield f"chain of {length}: cv", chain.replace(b"cv=pass", b"cv=fail").replace(b"cv=none", b"cv=pass")
        yield f"chain of {length}: a field less", chain.replace(b"ARC-Seal: i=1", b"X-Seal: i=1")
        yield f"chain of {length}: instance", chain.replace(b"ARC-Seal: i=1", b"ARC-Seal: i=4")
        yield f"chain of {length}: no such key", chain.replace(b"s=r;", b"s=nokey;")
    list_mail = chains[0].replace(b"see you.", b"see you.\r\n-- \r\nThe list")
    yield "a list's footer, sealed after it", sealed(list_mail, "two")
    blank = sealed(MESSAGES["blank lines at the end"], "one")
    yield "blank lines at the end", blank


def octets(message):
    return base64.b64encode(message).decode()


cases = [{"name": name, "message": octets(message), "dkim": says} for name, message, says in [*dkim_cases(), *more_dkim_cases()]]
for name, message in arc_cases():
    # A chain that says itself that it failed ends there without a word.
    says = dkim.arc_verify(message, dnsfunc=lookup)[0] or b"fail"
    cases.append({"name": name, "message": octets(message), "arc": says.decode()})
zone = "".join(f"{name.decode()}. TXT {text(record)}\n" for name, record in RECORDS.items())
zone += 'revoked._domainkey.a.test. TXT "v=DKIM1; p="\n'
zone += 'short._domainkey.a.test. TXT "v=DKIM1; p=AAAA"\n'
zone += "trying._domainkey.a.test. TXT " + text(rsa_key()[1].replace(b"k=rsa", b"t=y; k=rsa")) + "\n"
json.dump({"zone": zone, "cases": cases}, sys.stdout)
