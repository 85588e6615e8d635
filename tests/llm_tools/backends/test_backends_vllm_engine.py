import json
import os
import subprocess
from pathlib import Path

import pytest

from llm_tools.backends.vllm_engine import VLLMBackend, engine_settings
from retriever.errors import MissingExtra
from retriever.labels import EMOTIONS

HERE = Path(__file__).parents[1]


def in_vllm(python, job, *arguments):
    """What ``engine_child.py`` prints, run in the vLLM environment."""
    done = subprocess.run(
        [str(python), str(HERE / "engine_child.py"), job, *map(str, arguments)],
        env=os.environ
        | {"PYTHONPATH": f"{HERE.parents[1]}:{HERE}", "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
        | {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert found, (done.stdout[-1500:], done.stderr[-3000:])
    return json.loads(found[0].removeprefix("RESULT "))


@pytest.mark.vllm
def test_the_engine_in_process_does_the_same_job(vllm_python, tiny_vlm, tmp_path):
    result = in_vllm(vllm_python, "in_process", tiny_vlm, tmp_path)
    assert result["calls"] == [8, 0] and result["same"], result["first"]
    rows = result["rows"]
    assert len(rows) == 8 and all(row["emotion"] in EMOTIONS and row["model"] == "tiny-vl" for row in rows)
    assert rows[7]["usage"]["prompt_tokens"] > rows[0]["usage"]["prompt_tokens"] + 40  # four frames, not one
    (too_long, why), (no_image, _), (fine, nothing) = result["odd"]
    assert too_long == no_image == "refused" and "2048" in why
    assert fine == "" and nothing is None and len(result["logprobs"]) == 2


def test_settings_bound_images_and_turn_whitespace_off():
    settings = engine_settings("m", tensor_parallel=2, max_pixels=65536, seed=3)
    assert settings["tensor_parallel_size"] == 2 and settings["seed"] == 3
    assert settings["structured_outputs_config"]["disable_any_whitespace"] is True
    assert settings["mm_processor_kwargs"] == {"max_pixels": 65536}
    assert settings["limit_mm_per_prompt"] == {"image": 4}
    text = engine_settings("m", max_images=0, max_model_len=10)
    assert "limit_mm_per_prompt" not in text and "mm_processor_kwargs" not in text


def test_without_vllm_the_message_says_what_to_do():
    with pytest.raises(MissingExtra, match=r"pip install vllm .*--base-url"):
        VLLMBackend("m")
