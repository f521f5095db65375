"""The benchmark: what the platform costs beside hand-written SQL, the mere reading and writing, pandas and loops.

Belongs here: the data it runs on, its contenders, its driver and the page it writes. Does not belong here: anything the
platform needs; nothing of it imports this package.
"""
