"""What other people's programs say of a message: python3-dkim and python3-spf, asking a name server of the test's own.

    verify.py PORT dkim          the message on standard input; a line for each signature
    verify.py PORT arc           the message on standard input; the state of its chain
    verify.py PORT arcsign DOMAIN SELECTOR KEYFILE AUTHSERV   seals the message on standard input and prints it
    verify.py PORT sign DOMAIN SELECTOR KEYFILE               signs the message on standard input and prints it
    verify.py PORT spf IP SENDER HELO
"""

import sys

import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["127.0.0.1"]
resolver.port = int(sys.argv[1])
dns.resolver.default_resolver = resolver

import dkim  # noqa: E402  asks through the resolver above
import spf  # noqa: E402


def txt(name, timeout=5):
    try:
        answer = resolver.resolve(name.decode() if isinstance(name, bytes) else name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    return b"".join(answer[0].strings)


def tag(value, name):
    tags = dict(part.strip().split(b"=", 1) for part in value.split(b";") if b"=" in part)
    return tags.get(name, b"").decode()


def verify_dkim(message):
    fields, _ = dkim.rfc822_parse(message)
    signatures = [value for name, value in fields if name.lower() == b"dkim-signature"]
    for index, value in enumerate(signatures):
        try:
            result = "pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=txt) else "fail"
        except dkim.DKIMException as error:
            result = f"fail ({error})"
        print(result, tag(value, b"a"), tag(value, b"d"))


def verify_arc(message):
    cv, results, reason = dkim.arc_verify(message, dnsfunc=txt)
    print((cv or b"none").decode(), len(results), reason)


def main():
    word, rest = sys.argv[2], sys.argv[3:]
    if word == "spf":
        print(spf.check2(i=rest[0], s=rest[1], h=rest[2])[0])
        return
    message = sys.stdin.buffer.read()
    if word == "dkim":
        verify_dkim(message)
    elif word == "arc":
        verify_arc(message)
    elif word == "sign":
        domain, selector, keyfile = rest
        with open(keyfile, "rb") as key:
            field = dkim.sign(message, selector.encode(), domain.encode(), key.read())
        sys.stdout.buffer.write(field + message)
    elif word == "arcsign":
        domain, selector, keyfile, authserv = rest
        with open(keyfile, "rb") as key:
            fields = dkim.arc_sign(message, selector.encode(), domain.encode(), key.read(), authserv.encode())
        sys.stdout.buffer.write(b"".join(fields) + message)


main()
