"""Missing memory is one kind of problem, whatever torch calls it."""

import pytest

from app.engine.execution.failure import OUT_OF_MEMORY_TIP
from app.ui.problem_texts import explain_execution_error


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("MemoryError", "There is not enough memory for decoding a picture."),
        ("torch.OutOfMemoryError", "CUDA out of memory."),
        ("RuntimeError", f"DefaultCPUAllocator: can't allocate memory\n{OUT_OF_MEMORY_TIP}"),
    ],
)
def test_missing_memory_offers_to_free_some(kind, message):
    payload = {"exception_type": kind, "exception_message": message}

    explained = explain_execution_error(payload, "VAE Decode")

    assert explained.frees_memory
    assert "VAE Decode ran out of memory" in str(explained)


def test_other_errors_do_not():
    payload = {"exception_type": "RuntimeError", "exception_message": "shapes differ"}

    assert not explain_execution_error(payload, "KSampler").frees_memory
