"""A session of ONNX Runtime over a graph whose weights lie in a safetensors file."""

from pathlib import Path
from typing import Any

from retriever.errors import InputError, ModelError
from retriever.extras import require

__all__ = ["PURPOSE", "open_session"]

PURPOSE = "the built-in text encoder"

_PROVIDERS = {
    "auto": "CPUExecutionProvider",
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
}


def open_session(graph: bytes, weights: Path, device: str) -> Any:
    """An ``InferenceSession``.

    Args:
        graph: a serialised model whose external tensors lie in `weights`.
        weights: resolved: the runtime refuses external tensors behind a symbolic link.
        device: ``auto`` and ``cpu`` run on the CPU, ``cuda`` where the installed runtime can.

    Raises:
        InputError: no such device.
        ModelError: the runtime cannot use the device or the model.
        MissingExtra: the runtime is not installed.
    """
    runtime = require("onnxruntime", "minilm", PURPOSE)
    if device not in _PROVIDERS:
        raise InputError(f"device is {device!r}, expected one of {', '.join(_PROVIDERS)}")
    provider = _PROVIDERS[device]
    if provider not in runtime.get_available_providers():
        raise ModelError(f"this onnxruntime has no {provider}: use device 'cpu', or install onnxruntime-gpu")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    place = "session.model_external_initializers_file_folder_path"
    options.add_session_config_entry(place, str(weights.parent))
    try:
        return runtime.InferenceSession(graph, options, providers=[provider])
    except Exception as error:  # the runtime's own exception classes share no public base
        raise ModelError(
            f"the graph over {weights} does not load into onnxruntime {runtime.__version__}: {error}"
        ) from error
