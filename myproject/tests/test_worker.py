import socket
from unittest.mock import Mock

import pytest
from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding

from myproject.worker import Worker


@pytest.mark.parametrize("error", [UnsupportedTransferCoding("x"), InvalidHeader("X")])
def test_a_request_that_cant_be_read_is_the_clients_fault(error: Exception) -> None:
    worker = Worker.__new__(Worker)
    worker.log = Mock()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.handle_error(None, ours, ("10.0.0.1", 1), error)
        assert theirs.recv(1000).startswith(b"HTTP/1.1 400 ")
