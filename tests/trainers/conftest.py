"""One thread a process: models here are tiny, and threads cost more than they give."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
