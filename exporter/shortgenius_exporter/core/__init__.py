"""Pure values and functions that every other part shares: (state, answer, now) -> state.

Nothing here does I/O, reads a clock or imports another part of the project.
Times named ``now``, ``at`` or ``*_at`` are Unix seconds; durations are seconds.
"""
