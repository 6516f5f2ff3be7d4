"""A TCP proxy to a server: open, shut (it refuses) or silent (it accepts and never answers)."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forward connections to a server while the block lasts, unless shut or silent."""

    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self.port = 0  # any that is free, the first time
        self.accepted = 0  # connections so far
        self._silent = False
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.shut()

    def open(self) -> None:
        """Forward new connections; cut the earlier ones."""
        self._listen(silent=False)

    def silence(self) -> None:
        """Accept connections, but forward nothing any more, on earlier ones too."""
        self._silent = True

    def shut(self) -> None:
        """Refuse connections, and cut the existing ones."""
        if self._listener:
            # Wakes the thread in accept(), which close() alone does not.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._sockets.clear()

    def _listen(self, *, silent: bool) -> None:
        self.shut()
        self._silent = silent
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.accepted += 1
                server = socket.create_connection(self.server)
                self._sockets += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self._silent:
                    target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
