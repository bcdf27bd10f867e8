"""What `gatepost scan` and `gatepost explain` both ask for: messages, the envelope that SMTP would have told, and whom to ask.

Both commands answer with one verdict, so they take the same options, and say the same when one is wrong.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final

import typer

from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Direction, Envelope

MESSAGES: Final = "Message files, directories, Maildirs (their own mail; give .Junk by itself), mbox files, packed or not, or - for standard input."

ClientIp = Annotated[
    str, typer.Option(metavar="IP", help="Address of the SMTP client; without it SPF and iprev have nothing to judge.")
]
ClientName = Annotated[str, typer.Option(metavar="NAME", help="Verified host name of the client.")]
Helo = Annotated[str, typer.Option(metavar="NAME", help="What the client said in HELO or EHLO.")]
MailFrom = Annotated[str, typer.Option(metavar="ADDR", help="Envelope sender; empty for the null path of bounces.")]
RcptTo = Annotated[list[str] | None, typer.Option(metavar="ADDR", help="Envelope recipient; may be given again.")]
AuthUser = Annotated[str, typer.Option(metavar="NAME", help="SASL login: the message is judged as outbound.")]
DnsZone = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="YAML file that answers all DNS questions: name -> {TYPE: [values]}."),
]
NoNetwork = Annotated[
    bool, typer.Option("--no-network", help="Ask nobody: DNS fails temporarily, clamd and Redis are skipped.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Config file; without it the built-in defaults.")
]
Jobs = Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Processes to judge with.")]


def envelope_of(
    client_ip: str, client_name: str, helo: str, mail_from: str, rcpt_to: list[str], login: str
) -> Envelope:
    """Make the SMTP envelope from the options; a wrong address is a usage error."""
    try:
        # A zone (`fe80::1%eth0`) names an interface of this machine, nothing that could be looked up.
        address = ip_address(client_ip.partition("%")[0]) if client_ip else None
    except ValueError:
        raise typer.BadParameter(f"{client_ip!r} is not an IP address", param_hint="--client-ip") from None
    recipients = (parse_path(recipient.encode("utf-8", "surrogateescape")) for recipient in rcpt_to)
    return Envelope(
        client=Client(ip=address, ptr=client_name, helo=helo, login=login),
        sender=parse_path(mail_from.encode("utf-8", "surrogateescape")) if mail_from else None,
        recipients=tuple(recipient for recipient in recipients if recipient),
        direction=Direction.OUTBOUND if login else Direction.INBOUND,
    )
