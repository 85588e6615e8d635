"""Memory that training on a CPU gives back is kept by the process."""

import ctypes
import sys

__all__ = ["keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Have glibc keep what is freed for the next step; gives whether it will.

    By default it maps every large array anew and unmaps it when freed, so the kernel clears the same pages
    step after step: a third of a CPU's time where gradients of word vectors are some 100 MB. What was mapped
    before stays as it is. The price is that a process never shrinks until it ends. Elsewhere than under glibc
    nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    # -1 is taken for the greatest number: never trim
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1))
