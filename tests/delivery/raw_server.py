"""A server that answers each request with given bytes, HTTP or not."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

Say = Callable[[socket.socket], None]


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer; Content-Length is the body's unless a header replaces it."""
    length = [] if headers else [f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"HTTP/1.1 {status}", *length, *headers])
    return f"{head}\r\n\r\n".encode() + body


@contextmanager
def answering(*answers: bytes | Say) -> Iterator[str]:
    """Yield the URL of a server that gives these answers in turn, and repeats the last."""
    left = list(answers)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                answer = left.pop(0) if left[1:] else left[0]
                with client, suppress(OSError):
                    client.recv(65536)
                    client.sendall(answer) if isinstance(answer, bytes) else answer(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Wakes the thread in accept(), which close() alone does not.
        listener.shutdown(socket.SHUT_RDWR)
