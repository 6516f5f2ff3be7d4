"""A threaded gunicorn worker whose threads never wait for a client.

gunicorn's own threaded worker hands a connection to a thread at once, and the thread waits for the
request. As many silent clients as there are threads then keep out everybody else, including the
load balancer's health check. Here the main thread receives each request, hands it to a thread when
it is complete, and sends the part of an answer that the client does not take at once.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import http, util
from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
from gunicorn.workers.gthread import TConn, ThreadWorker

from .client_socket import PACE_BYTES, ClientSocket
from .framing import Refused

# The memory for requests that arrive or wait for a thread, and for answers.
LARGEST_MEMORY = 64 * 1024 * 1024
LINGER_SECONDS = 2.0  # as in gunicorn, where it holds up the worker
SWEEP_SECONDS = 1.0


class Connection(TConn):
    """A connection whose requests gunicorn reads from a ClientSocket."""

    sock: ClientSocket

    def __init__(self, cfg: Any, accepted: socket.socket, client: Any, server: Any) -> None:
        def parse_head(head: bytes) -> Any:
            return next(http.get_parser(cfg, [head], client))

        super().__init__(cfg, ClientSocket(accepted, parse_head), client, server)
        self.data_ready = True  # so gunicorn does not wait for it


Step = Callable[[Connection], None]

# For gunicorn: a request that is done, on a connection that is kept for the next one.
KEEP_ALIVE: Future[bool] = Future()
KEEP_ALIVE.set_result(True)


class Worker(ThreadWorker):
    """A worker that speaks HTTP/1.1 without TLS."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connections that send a request or take an answer, and what happens at their deadline.
        self.waiting: dict[Connection, Step] = {}
        self.in_pool: set[Connection] = set()  # a thread has their request, or will have it
        self.next_sweep = 0.0
        self.cut_off = 0  # connections since the last sweep

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            raise RuntimeError("certfile and keyfile: this worker has no TLS, unset them")
        super().check_config(cfg, log)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection."""
        try:
            accepted, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        self.enqueue_req(Connection(self.cfg, accepted, client, listener.getsockname()))

    def enqueue_req(self, conn: Any) -> None:
        """Receive a request. gunicorn calls this when a Connection has data to read."""
        self._receive(conn, conn.sock.start_request)

    def murder_pending(self) -> None:
        """Close connections that are too slow. gunicorn calls this after each turn of its loop."""
        while self.waiting and self.nr_conns >= self.worker_connections:
            self._cut_slowest(self.waiting)
        now = time.monotonic()
        if now >= self.next_sweep:
            self.next_sweep = now + SWEEP_SECONDS
            for conn, at_deadline in list(self.waiting.items()):
                if conn.sock.deadline <= now:
                    at_deadline(conn)
            if self.cut_off:
                self.log.warning("Connections closed for slow clients: %d", self.cut_off)
                self.cut_off = 0

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that is unreadable, or in which the application raised an error."""
        if isinstance(exc, UnsupportedTransferCoding):
            # HTTP prescribes 501. But 5xx roll deployments back, and any client can cause this one.
            exc = InvalidHeader("TRANSFER-ENCODING")
        super().handle_error(req, client, addr, exc)

    def _cap_keepalive(self, deadline: float) -> None:
        """Stop waiting for slow requests while the worker stops."""
        super()._cap_keepalive(deadline)  # type: ignore[misc]  # newer than types-gunicorn
        for conn in self.waiting:
            if not conn.sock.unsent:
                conn.sock.deadline = min(conn.sock.deadline, deadline)

    def _receive(self, conn: Connection, receive: Callable[[], bool]) -> None:
        try:
            has_arrived = receive()
        except Refused as refused:
            self._refuse(conn, *refused.args)
        except OSError:
            self._close(conn)
        else:
            if has_arrived:
                self._forget(conn)
                self.in_pool.add(conn)
                self.tpool.submit(self._serve, conn)
            elif conn not in self.waiting:
                more = partial(self._receive, conn, conn.sock.receive)
                self._wait(conn, selectors.EVENT_READ, more, self._time_out)
            elif conn.sock.received.size > PACE_BYTES:
                self._make_room()

    def _serve(self, conn: Connection) -> None:
        """Read the request and write the answer, on a thread of the pool."""
        keep_alive = False
        try:
            keep_alive = self.handle(conn)
        finally:
            self.method_queue.defer(self._finish, conn, keep_alive)

    def _finish(self, conn: Connection, keep_alive: bool) -> None:
        """Send the rest of the answer; then wait for the next request, or close."""
        self.in_pool.discard(conn)
        if conn.sock.unsent:
            send = partial(self._send, conn, keep_alive)
            self._wait(conn, selectors.EVENT_WRITE, send, self._cut)
            self._make_room()
        elif not keep_alive:
            self._end(conn)
        elif conn.sock.received.size:
            self.enqueue_req(conn)
        else:
            self.finish_request(conn, KEEP_ALIVE)

    def _time_out(self, conn: Connection) -> None:
        if conn.sock.received.size:
            self._refuse(conn, 408, "Request Timeout", "The request arrives too slowly.")
        else:
            self._close(conn)

    def _refuse(self, conn: Connection, status: int, reason: str, message: str) -> None:
        self.log.warning("Invalid request from %s: %s", conn.client, message)
        self._forget(conn)
        with suppress(OSError):
            util.write_error(conn.sock, status, reason, message)
        self._end(conn)

    def _send(self, conn: Connection, keep_alive: bool) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self._close(conn)
        else:
            if not conn.sock.unsent:
                self._forget(conn)
                self._finish(conn, keep_alive)

    def _end(self, conn: Connection) -> None:
        """Send no more data, and close when the client has read all of it.

        Closing at once would take the answer away from a client that is still sending.
        """
        try:
            conn.sock.end()
        except OSError:
            self._close(conn)
        else:
            conn.sock.deadline = time.monotonic() + LINGER_SECONDS
            self._wait(conn, selectors.EVENT_READ, partial(self._discard, conn), self._close)

    def _discard(self, conn: Connection) -> None:
        try:
            conn.sock.discard()
        except OSError:
            self._close(conn)

    def _make_room(self) -> None:
        large = {conn for conn in self.waiting if conn.sock.memory() > PACE_BYTES}
        while large and self._memory() > LARGEST_MEMORY:
            self._cut_slowest(large)
            large &= self.waiting.keys()

    def _memory(self) -> int:
        queued = sum(conn.sock.received.size for conn in self.in_pool)
        return queued + sum(conn.sock.memory() for conn in self.waiting)

    def _cut_slowest(self, conns: Iterable[Connection]) -> None:
        self._cut(min(conns, key=lambda conn: conn.sock.deadline))

    def _cut(self, conn: Connection) -> None:
        self.cut_off += 1
        self._close(conn)

    def _wait(
        self, conn: Connection, event: int, then: Callable[[], None], at_deadline: Step
    ) -> None:
        def when_ready(_: socket.socket) -> None:
            # Handling another connection may just have closed this one.
            if conn in self.waiting:
                then()

        self.waiting[conn] = at_deadline
        self.poller.register(conn.sock, event, when_ready)

    def _forget(self, conn: Connection) -> None:
        if self.waiting.pop(conn, None):
            self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.sock.close()
