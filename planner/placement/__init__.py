"""Where guests can run: ``packing`` is the one core; ``failover``, ``fit`` and ``balance`` ask it.

pack(loads, bins, running) -> Packing(placed, unplaced, lower_bound, proof)
"""
