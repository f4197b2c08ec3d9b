"""Proofs of the oath, which print what they compared or measured."""
