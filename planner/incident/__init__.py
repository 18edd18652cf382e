"""Everything that a notice of a breach needs to know of one guest and a window of time.

UU 27/2022 art. 46 gives 3 × 24 hours to tell the people concerned and the authority which data was
disclosed, when and how, and what is done about it. A hypervisor knows a part of that; what it does
not know is listed too.
"""
