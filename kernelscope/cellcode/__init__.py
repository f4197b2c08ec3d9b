"""What a cell does when it runs, read from its syntax alone.

``reader`` is the way in.  ``syntax``, ``magics`` and ``control`` read the form of cells in the kernel as
well: they are sent with the probe.
"""
