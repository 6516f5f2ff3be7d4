"""A threaded gunicorn worker in which no thread waits for a client.

worker.py receives requests and sends answers; client_socket.py keeps incomplete ones; framing.py
finds the end of a request.
"""
