"""The nursery of workers: ``python -m collectors DESCRIPTOR``, a socket to the program."""

import socket
import sys

from collectors.nursery import keep

keep(socket.socket(fileno=int(sys.argv[1])))
