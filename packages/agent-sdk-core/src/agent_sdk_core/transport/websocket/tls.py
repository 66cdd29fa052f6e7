"""TLS over memory: what is said becomes what is sent and back, with no socket in it."""

from __future__ import annotations

import ssl


class Tls:
    """The client's side of one connection.

    Args:
        context: Whom it trusts.
        host: Whom it talks to, which the other side has to prove.

    Attributes:
        ended: Whether the other side has said that nothing more comes.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.ended = False
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def shake_hands(self, data: bytes = b"") -> bool:
        """Take what came, and tell whether the handshake is done; `unsent` has what to send in either case.

        Raises:
            ssl.SSLError: It failed; the message says why.
        """
        self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes) -> bytes:
        """Return what to send for what is said."""
        self._object.write(data)
        return self.unsent()

    def unsent(self) -> bytes:
        """Return what has to be sent without being asked: parts of the handshake, answers to the other side's."""
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """Return what was said in what came; empty while it is not whole.

        Raises:
            ssl.SSLError: It was not encrypted as it should be.
        """
        self._incoming.write(data)
        said: list[bytes] = []
        try:
            while piece := self._object.read(256 * 1024):
                said.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(said)
