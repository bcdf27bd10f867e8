"""A private c-icap server for tests: its antivirus service, which asks a clamd of ours."""

from __future__ import annotations

import socket
from pathlib import Path

from support.private_server import PrivateServer

SERVICE = "avscan"
_MODULES = "/usr/lib/x86_64-linux-gnu/c_icap"


class CIcap(PrivateServer):
    """One c-icap in the foreground in front of the clamd at a socket; what is larger than `max_bytes` it lets pass unread."""

    name = "c-icap"

    def __init__(self, folder: Path, clamd_socket: Path, max_bytes: int = 32 * 1024 * 1024) -> None:
        """Take an existing folder for everything it writes."""
        super().__init__(folder)
        modules = next(iter(Path("/usr/lib").glob("*/c_icap")), Path(_MODULES))
        (folder / "c-icap.conf").write_text(
            f"PidFile {folder}/c-icap.pid\nCommandsSocket {folder}/c-icap.ctl\nPort 127.0.0.1:{self.port}\n"
            f"StartServers 1\nMaxServers 1\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 4\nTmpDir {folder}\n"
            f"ModulesDir {modules}\nServicesDir {modules}\nTemplateDir /usr/share/c_icap/templates/\n"
            f"LoadMagicFile /etc/c-icap/c-icap.magic\nServerLog {self.log}\nAccessLog {folder}/access.log\n"
            "Module common clamd_mod.so\n"
            f"clamd_mod.ClamdSocket {clamd_socket}\n"
            "Service antivirus_module virus_scan.so\n"
            f"ServiceAlias {SERVICE} virus_scan?allow204=on&sizelimit=off&mode=simple\n"
            "virus_scan.DefaultEngine clamd\n"
            "virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE\n"
            f"virus_scan.MaxObjectSize {max_bytes}\nvirus_scan.SendPercentData 0\nvirus_scan.Allow204Responces on\n"
        )

    @property
    def url(self) -> str:
        """The URL of its antivirus service."""
        return f"icap://127.0.0.1:{self.port}/{SERVICE}"

    def command_line(self) -> list[str]:
        """Give the command."""
        return ["c-icap", "-N", "-f", str(self.folder / "c-icap.conf")]

    def answers(self) -> bool:
        """Say whether its service answers OPTIONS."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1.0) as line:
                line.sendall(
                    f"OPTIONS {self.url} ICAP/1.0\r\nHost: 127.0.0.1\r\nEncapsulated: null-body=0\r\n\r\n".encode()
                )
                return line.recv(64).startswith(b"ICAP/1.0 200")
        except OSError:
            return False
