"""What every test may rely on: no model hub, and a torchvision that imports beside CPU torch."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from retriever.torchvision_ops import install_hook

install_hook()
