"""A client's connection that never makes a thread wait.

gunicorn uses it like a blocking socket, but reads only requests that have arrived in full. What the
client does not take of an answer at once stays here, and the worker sends it later.
"""

import errno
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .framing import Bytes, Framing, frame, is_whole

# A client must send or take this many bytes, or all that are left, within this many seconds.
PACE_SECONDS = 20.0
PACE_BYTES = 65_536

# Beyond this, an answer that is streamed waits for its client in its thread.
LARGEST_BACKLOG = 8 * 1024 * 1024

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

BLOCK = 65_536  # bytes received at once


class Received:
    """Received bytes in blocks. A single growing buffer would be copied and fragment the heap."""

    def __init__(self) -> None:
        self.blocks: deque[Bytes] = deque()
        self.size = 0

    def add(self, data: bytes) -> None:
        if self.blocks and len(self.blocks[-1]) + len(data) <= BLOCK:
            if isinstance(self.blocks[-1], bytes):
                self.blocks[-1] = bytearray(self.blocks[-1])
            self.blocks[-1] += data
        else:
            self.blocks.append(data)
        self.size += len(data)

    def take(self, size: int) -> bytes:
        """Remove and return up to `count` bytes of the first block."""
        if not size:
            return b""
        block = self.blocks.popleft()
        if len(block) > size:
            self.blocks.appendleft(block[size:])
            block = block[:size]
        self.size -= len(block)
        return bytes(block)

    def clear(self) -> None:
        self.blocks.clear()
        self.size = 0


@dataclass
class Data:
    """An unsent part of an answer."""

    left: memoryview

    def send(self, client: int) -> int:
        """Send what the client takes now, and return how many bytes it took."""
        sent = os.write(client, self.left)
        self.left = self.left[sent:]
        return sent

    def close(self) -> None:
        self.left.release()


@dataclass
class FilePart:
    """An unsent part of a file, which takes no memory."""

    file: int
    offset: int
    left: int

    def send(self, client: int) -> int:
        """Send what the client takes now, and return how many bytes it took."""
        sent = os.sendfile(client, self.file, self.offset, self.left)
        if not sent:
            raise ConnectionAbortedError("the file is shorter than was announced")
        self.offset += sent
        self.left -= sent
        return sent

    def close(self) -> None:
        os.close(self.file)


class ClientSocket(socket.socket):
    """The connection, used by one thread at a time: the worker's own or one of its pool."""

    def __init__(self, accepted: socket.socket, parse_head: Callable[[bytes], Any]) -> None:
        kind = (accepted.family, accepted.type, accepted.proto)
        super().__init__(*kind, fileno=accepted.detach())
        super().setblocking(False)
        self.parse_head = parse_head
        self.received = Received()
        self.unsent: deque[Data | FilePart] = deque()
        self.deadline = 0.0  # by time.monotonic()
        self._framing: Framing | None = None
        self._moved = 0  # bytes since the deadline was set
        self._readable = 0  # bytes of `received` that gunicorn may read: the rest of a request

    def memory(self) -> int:
        """Return how many bytes of this connection are kept in memory."""
        return self.received.size + self.backlog()

    def backlog(self) -> int:
        """Return how many bytes of the answer are kept in memory."""
        return sum(len(piece.left) for piece in self.unsent if isinstance(piece, Data))

    def start_request(self) -> bool:
        """Start the next request, which may have arrived already; return what `receive` returns."""
        self._framing = None
        self._allow_time()
        if self.received.size and any(map(self._has_arrived, list(self.received.blocks))):
            return True
        return self.receive()

    def receive(self) -> bool:
        """Read what the client has sent; return whether the request is complete.

        Raise Refused if the request is not accepted, and OSError if the rest will not arrive.
        """
        try:
            data = super().recv(BLOCK)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionAbortedError("the client has closed the connection")
        self._count(len(data))
        self.received.add(data)
        return self._has_arrived(data)

    def end(self) -> None:
        """Tell the client that the answer is complete, and accept no further request."""
        self.received.clear()
        self.shutdown(socket.SHUT_WR)

    def discard(self) -> None:
        """Drop what the client has sent; raise OSError when it closes the connection."""
        with suppress(BlockingIOError):
            if not super().recv(BLOCK):
                raise ConnectionAbortedError("the client has closed the connection")

    def flush(self) -> None:
        """Send what the client takes now; `unsent` keeps the rest."""
        with suppress(BlockingIOError):
            while self.unsent:
                self._count(self.unsent[0].send(self.fileno()))
                if not self.unsent[0].left:
                    self.unsent.popleft().close()

    def close(self) -> None:
        if self.unsent:
            # Without a reset, the system would keep retrying to send what the client does not take.
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        while self.unsent:
            self.unsent.popleft().close()
        self.received.clear()
        self._framing = None  # it refers to this object and would keep it alive
        super().close()

    # Methods that gunicorn calls, in a thread of its pool.

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = self.received.take(min(size, self._readable))
        self._readable -= len(data)
        return data

    def send(self, data: Any, flags: int = 0) -> int:
        """Drop gunicorn's "100 Continue", which was sent when it was due."""
        return len(data)

    def sendall(self, data: Any, flags: int = 0) -> None:
        try:
            sent = 0 if self.unsent else super().send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._add(Data(memoryview(data)[sent:]))

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        self._add(FilePart(os.dup(file.fileno()), offset, count or 0))
        return count or 0

    def setblocking(self, blocking: bool) -> None:
        """Do nothing: the socket never blocks."""

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing: the socket never blocks."""

    def _has_arrived(self, data: Bytes) -> bool:
        if not self._framing:
            if is_whole(data):
                self._readable = len(data)
                return True
            self._framing = frame(self.parse_head, self._send_continue)
            next(self._framing)
        try:
            self._framing.send(data)
        except StopIteration as found:
            self._readable = found.value
            return True
        return False

    def _send_continue(self) -> None:
        super().send(CONTINUE)

    def _add(self, piece: Data | FilePart) -> None:
        while self.backlog() > LARGEST_BACKLOG:
            self._wait()
        if not self.unsent:
            self._allow_time()
        self.unsent.append(piece)
        self.flush()

    def _wait(self) -> None:
        """Wait until the client takes more of the answer."""
        seconds = self.deadline - time.monotonic()
        if seconds < 0:
            raise BrokenPipeError(errno.EPIPE, "the client takes its answer too slowly")
        poll = select.poll()
        poll.register(self, select.POLLOUT)
        poll.poll(1000 * seconds)
        self.flush()

    def _count(self, moved: int) -> None:
        self._moved += moved
        if self._moved >= PACE_BYTES:
            self._allow_time()

    def _allow_time(self) -> None:
        self._moved = 0
        self.deadline = time.monotonic() + PACE_SECONDS
