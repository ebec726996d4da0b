"""A tour through somebody's scripts with sievelib: sieve_tour.py PORT."""

import sys

from sievelib.managesieve import Client

FIRST = '# Grüße\nrequire ["fileinto"];\nif header :contains "subject" "list" { fileinto "Lists"; }\n'
SECOND = "keep;\n"

client = Client("127.0.0.1", int(sys.argv[1]))
assert client.connect("ana@home.test", "demo-password", starttls=True, authmech="PLAIN"), client.errmsg
assert "mailbox-daemon" in client.get_implementation(), client.get_implementation()
assert client.listscripts() == (None, []), client.listscripts()

assert client.havespace("first", len(FIRST.encode()))
assert client.putscript("first", FIRST), client.errmsg
assert client.putscript("second script", SECOND), client.errmsg
assert client.setactive("first"), client.errmsg
active, others = client.listscripts()
assert (active, others) == ("first", ["second script"]), (active, others)
assert client.getscript("first").split() == FIRST.split(), client.getscript("first")

assert not client.deletescript("first")
assert client.errcode == b"ACTIVE", client.errcode
assert client.renamescript("first", "third"), client.errmsg
assert client.listscripts() == ("third", ["second script"]), client.listscripts()

assert client.checkscript(SECOND), client.errmsg
assert not client.checkscript('if false { }\nfileinto "x"\n')
assert b"line 2" in client.errmsg or b"line 3" in client.errmsg, client.errmsg
assert not client.putscript("third", "no such thing;\n")
assert client.getscript("third").split() == FIRST.split()

assert client.setactive("")
assert client.deletescript("third"), client.errmsg
assert client.deletescript("second script"), client.errmsg
assert client.listscripts() == (None, []), client.listscripts()
client.logout()
print("the tour is over")
