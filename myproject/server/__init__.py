"""gunicorn's worker with threads, in which no thread ever waits for a client.

worker.py receives requests and sends answers; client_socket.py keeps those that are not complete;
framing.py tells where a request ends.
"""
