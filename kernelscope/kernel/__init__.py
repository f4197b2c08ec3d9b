"""The live kernel: the only place where jupyter_client and zmq are used."""
