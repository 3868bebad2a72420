"""How many threads NumPy multiplies with while questions are answered."""

from __future__ import annotations


def one_thread_for_numpy() -> None:
    """Let NumPy's BLAS use one thread, for the rest of the process.

    A question's products take microseconds, but the threads of OpenBLAS go on spinning for some 20 ms after
    each in case there is more, on the very cores on which the network reads the next question: encoding it
    took 60 ms beside them on two cores, and takes 7 without.
    """
    import numpy  # noqa: F401  # a library that is not loaded yet cannot be told
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
