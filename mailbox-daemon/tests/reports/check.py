"""Checks a report mail with nothing of ours: the header, the parts, the packed file's name, and the schema of RFC 7489
appendix C or RFC 8460 section 4.4. Prints what it tells as JSON."""

import email.policy
import gzip
import ipaddress
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from datetime import datetime

mail = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
assert mail["Auto-Submitted"] == "auto-generated", mail["Auto-Submitted"]
subject = re.fullmatch(r"Report Domain: (\S+)\s+Submitter: (\S+)\s+Report-ID: <(\S+)@(\S+)>", mail["Subject"])
assert subject, mail["Subject"]
text, attachment = mail.iter_parts()
assert text.get_content_type() == "text/plain"
name = re.fullmatch(r"([^!]+)!([^!]+)!(\d+)!(\d+)(![0-9A-Za-z]+)?\.(xml|json)\.gz", attachment.get_filename())
assert name and (name[2], name[1]) == (subject[1], subject[2]), attachment.get_filename()
content = gzip.decompress(attachment.get_content())


def sequence(element, *names):
    """The children are these, in this order: `?` may be missing, `*` may come any number of times."""
    pattern = "".join("(?:%s )%s" % (n.rstrip("?*"), n[-1] if n[-1] in "?*" else "") for n in names)
    found = "".join(child.tag + " " for child in element)
    assert re.fullmatch(pattern, found), (element.tag, found)


def word(element, path, words):
    assert element.findtext(path) in words.split(), (path, element.findtext(path))


def dmarc():
    assert attachment.get_content_type() == "application/gzip"
    root = ElementTree.fromstring(content)
    sequence(root, "version", "report_metadata", "policy_published", "record*")
    assert root.findtext("version") == "1.0" and root.tag == "feedback"
    metadata, policy = root.find("report_metadata"), root.find("policy_published")
    sequence(metadata, "org_name", "email", "report_id", "date_range")
    assert metadata.findtext("report_id") == subject[3]
    sequence(metadata.find("date_range"), "begin", "end")
    begin, end = (int(metadata.findtext("date_range/" + edge)) for edge in ("begin", "end"))
    assert begin % 86400 == 0 and begin <= end < begin + 86400 and (str(begin), str(end)) == (name[3], name[4])
    sequence(policy, "domain", "adkim", "aspf", "p", "sp", "pct", "fo")
    assert policy.findtext("domain") == subject[1]
    for mode in ("adkim", "aspf"):
        word(policy, mode, "r s")
    for asked in ("p", "sp"):
        word(policy, asked, "none quarantine reject")
    return {"domain": subject[1], "policy": policy.findtext("p"), "rows": [row(r) for r in root.findall("record")]}


def row(record):
    sequence(record, "row", "identifiers", "auth_results")
    sequence(record.find("row"), "source_ip", "count", "policy_evaluated")
    sequence(record.find("row/policy_evaluated"), "disposition", "dkim", "spf", "reason*")
    sequence(record.find("identifiers"), "envelope_from", "header_from")
    sequence(record.find("auth_results"), "dkim*", "spf")
    word(record, "row/policy_evaluated/disposition", "none quarantine reject")
    word(record, "row/policy_evaluated/dkim", "pass fail")
    word(record, "row/policy_evaluated/spf", "pass fail")
    word(record, "auth_results/spf/scope", "helo mfrom")
    word(record, "auth_results/spf/result", "none neutral pass fail softfail temperror permerror")
    for signature in record.findall("auth_results/dkim"):
        word(signature, "result", "none pass fail policy neutral temperror permerror")
    ipaddress.ip_address(record.findtext("row/source_ip"))
    evaluated = [record.findtext("row/policy_evaluated/" + key) for key in ("disposition", "dkim", "spf")]
    return [record.findtext("row/source_ip"), int(record.findtext("row/count"))] + evaluated


def tls():
    assert attachment.get_content_type() == "application/tlsrpt+gzip"
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "tlsrpt"
    assert (mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"]) == (subject[1], subject[2])
    assert mail["TLS-Required"] == "No"
    return told(json.loads(content))


def told(report):
    assert report["contact-info"].endswith("@" + report["organization-name"])
    dates = [datetime.fromisoformat(report["date-range"][key]) for key in ("start-datetime", "end-datetime")]
    assert dates[0] <= dates[1] and dates[0].hour == 0
    assert report["report-id"]
    for entry in report["policies"]:
        policy, summary = entry["policy"], entry["summary"]
        assert policy["policy-type"] in ("tlsa", "sts", "no-policy-found") and policy["policy-domain"]
        failed = sum(detail["failed-session-count"] for detail in entry.get("failure-details", []))
        assert failed == summary["total-failure-session-count"]
        assert isinstance(summary["total-successful-session-count"], int)
    return report["policies"]


print(json.dumps(dmarc() if name[6] == "xml" else tls()))
