import pytest
from in_vllm import in_vllm

from llm_tools.backends.vllm_engine import VLLMBackend, engine_settings
from retriever.errors import MissingExtra
from retriever.labels import EMOTIONS


@pytest.mark.vllm
def test_the_engine_in_process_does_the_same_job(vllm_python, tiny_vlm, tmp_path):
    result = in_vllm(vllm_python, "in_process", tiny_vlm, tmp_path)
    assert result["calls"] == [8, 0] and result["same"], result["first"]
    rows = result["rows"]
    assert len(rows) == 8 and all(row["emotion"] in EMOTIONS and row["model"] == "tiny-vl" for row in rows)
    assert rows[7]["usage"]["prompt_tokens"] > rows[0]["usage"]["prompt_tokens"] + 40  # four frames, not one
    (too_long, why), (no_image, _), (fine, nothing) = result["odd"]
    assert too_long == no_image == "refused" and "4096" in why
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
