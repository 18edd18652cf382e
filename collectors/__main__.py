"""The worker process: ``python -m collectors``."""

from collectors.worker import main

main()
