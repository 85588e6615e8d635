"""How the tests start vLLM, as a server or for a batch file."""

VLLM_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
SERVER_OPTIONS = [
    "--max-model-len", "4096", "--enforce-eager", "--dtype", "bfloat16",
    "--limit-mm-per-prompt", '{"image":4}',
    "--structured-outputs-config", '{"backend":"xgrammar","disable_any_whitespace":true}',
]  # fmt: skip
