"""Another implementation's verdicts: reads lines of `sender client`, asks the name server whose port is the argument, and
answers each with a word."""

import sys

import dns.resolver
import spf

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = ["127.0.0.1"]
resolver.port = int(sys.argv[1])
dns.resolver.default_resolver = resolver

for line in sys.stdin:
    sender, client = line.split()
    print(spf.check2(i=client, s=sender, h="helo.a.test", receiver="box.home.test")[0])
