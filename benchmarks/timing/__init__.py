"""The sections of ``benchmarks/speed.py``, and what they share."""
