"""Where guests can run. ``packing`` is the one core; the others ask it.

    pack(loads, bins, running) -> Packing(placed, unplaced, lower_bound, proof)

``failover`` loses hosts, ``remedy`` says what would let all run again, ``fit`` counts how many
more go in, ``moves`` evens out.
"""
