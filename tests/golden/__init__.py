"""Golden files: what ``watch --json`` writes about every labelled notebook, committed and compared.

A label says what a verdict must be.  A golden file says what everything was: each key of each change, each
forecast, each sentence.  It protects a restructuring of the code: a difference is a change of behaviour,
wanted or not.  ``python -m tests.golden`` writes the files again; git then shows what is different.
"""
