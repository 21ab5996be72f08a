"""What happens when memory runs out, and whose memory it is."""

import pytest
import torch

from app.engine.device import compute_settings, device_facts
from app.engine.diffusion.run import sample_latent
from app.engine.models import memory
from app.engine.models.stopping import blocks_of

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: error code 12"),
]
# Other batch sizes add in another order, and random weights amplify that.
CLOSE = {"rtol": 1e-3, "atol": 5e-3}
by_kind = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


@pytest.fixture(autouse=True)
def _settings_kept():
    kept = (compute_settings.fast_cpu, compute_settings.force_cpu, compute_settings.budget)
    yield
    compute_settings.fast_cpu, compute_settings.force_cpu, compute_settings.budget = kept
    memory.unload_all_models()


class Scarce:
    """Makes a network run out of memory while its input is larger than ``limit`` values."""

    def __init__(self, network, limit, error):
        self.sizes = []
        self.limit, self.error = limit, error
        # The second block, so that the first has begun.
        self.handle = blocks_of(network)[1].register_forward_pre_hook(self.before)

    def before(self, module, arguments):
        self.sizes.append(arguments[0].shape[0])
        if arguments[0].numel() > self.limit:
            raise self.error


def prompt(seed):
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(1, 77, 768, generator=generator), {}]]


def sample(model, batch=1, **changes):
    latent = {"samples": torch.zeros(batch, 4, 8, 8)}
    return sample_latent(
        changes.get("model", model), 3, 2, 2.0, "euler", "normal", prompt(1), prompt(2), latent
    )["samples"]


def test_every_way_to_say_that_memory_ran_out_is_understood():
    assert all(memory.is_out_of_memory(error) for error in ERRORS)
    assert not memory.is_out_of_memory(RuntimeError("shapes differ"))


def test_torch_says_that_memory_ran_out_in_a_way_that_is_understood():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 52)

    assert memory.is_out_of_memory(caught.value)


def test_sampling_splits_the_prompts_and_then_the_pictures(tiny):
    whole = sample(tiny.model, batch=3)
    per_picture = []
    hook = blocks_of(tiny.model.model)[1].register_forward_pre_hook(
        lambda module, arguments: per_picture.append(arguments[0][0].numel())
    )
    sample(tiny.model)
    hook.remove()
    scarce = Scarce(tiny.model.model, per_picture[0] * 2, ERRORS[0])

    thrifty = sample(tiny.model, batch=3)

    assert scarce.sizes[:2] == [6, 3]
    # What did not work in the first step is not tried in the second.
    assert scarce.sizes.count(6) == 1
    assert {1, 2} <= set(scarce.sizes)
    torch.testing.assert_close(thrifty, whole, **CLOSE)


def test_sampling_that_cannot_be_made_smaller_streams_and_then_says_so(tiny):
    scarce = Scarce(tiny.model.model, 0, MemoryError())

    with pytest.raises(MemoryError, match="not enough memory for sampling a picture of this size"):
        sample(tiny.model)

    scarce.handle.remove()
    assert tiny.model.store.streamed
    assert sample(tiny.model).isfinite().all()


def test_sampling_goes_on_with_streamed_weights_when_that_is_enough(tiny):
    whole = sample(tiny.model)
    left = [3]

    def fail_twice(module, arguments):
        left[0] -= 1
        if left[0] > 0:
            raise MemoryError

    handle = blocks_of(tiny.model.model)[1].register_forward_pre_hook(fail_twice)
    streamed = sample(tiny.model)
    handle.remove()

    torch.testing.assert_close(streamed, whole, **CLOSE)


def test_missing_memory_unloads_what_the_run_does_not_need(tiny):
    memory.load_models_gpu([tiny.vae.patcher])
    sample(tiny.model)
    assert tiny.vae.patcher in memory.loaded_models()
    left = [1]

    def fail_once(module, arguments):
        left[0] -= 1
        if left[0] == 0:
            raise MemoryError

    handle = blocks_of(tiny.model.model)[1].register_forward_pre_hook(fail_once)
    sample(tiny.model)
    handle.remove()

    assert memory.loaded_models() == [tiny.model]


@by_kind
def test_a_decoder_without_memory_goes_on_in_tiles_and_in_smaller_ones(tiny, error, monkeypatch):
    latent = torch.rand(1, 4, 72, 72, generator=torch.Generator().manual_seed(5))
    network = tiny.vae.first_stage_model
    decode, sides = network.decode, []

    def scarce(limit):
        def decode_small(z):
            sides.append(tuple(z.shape[2:]))
            if z.shape[2] * z.shape[3] > limit:
                raise error
            return torch.nn.functional.interpolate(z[:, :3], scale_factor=8)

        return decode_small

    monkeypatch.setattr(network, "decode", scarce(64 * 64))
    first = tiny.vae.decode(latent)
    assert (first.shape, sides[0]) == ((1, 576, 576, 3), (72, 72))
    assert all(h * w <= 64 * 64 for h, w in sides[1:])

    sides.clear()
    monkeypatch.setattr(network, "decode", scarce(32 * 32))
    second = tiny.vae.decode(latent)
    torch.testing.assert_close(first, second, rtol=0, atol=1e-4)

    monkeypatch.setattr(network, "decode", scarce(8))
    with pytest.raises(MemoryError, match="not enough memory for decoding a picture"):
        tiny.vae.decode(latent)
    assert memory.loaded_models() == []

    monkeypatch.setattr(network, "decode", decode)
    assert tiny.vae.decode(latent[..., :8, :8]).shape == (1, 64, 64, 3)


def test_an_encoder_without_memory_goes_on_in_tiles(tiny, monkeypatch):
    network = tiny.vae.first_stage_model
    pixels = torch.rand(1, 576, 576, 3, generator=torch.Generator().manual_seed(6))
    sides = []

    def scarce(limit):
        def encode(x):
            sides.append(x.shape[2] * x.shape[3])
            if sides[-1] > limit:
                raise ERRORS[0]
            return torch.nn.functional.avg_pool2d(x, 8)[:, [0, 1, 2, 0]]

        return encode

    monkeypatch.setattr(network, "encode", scarce(10**9))
    whole = tiny.vae.encode(pixels)
    for limit in (512 * 512, 256 * 256):
        monkeypatch.setattr(network, "encode", scarce(limit))
        torch.testing.assert_close(tiny.vae.encode(pixels), whole, rtol=0, atol=1e-5)
    assert max(sides) == 576 * 576

    monkeypatch.setattr(network, "encode", scarce(8))
    with pytest.raises(MemoryError, match="not enough memory for encoding a picture"):
        tiny.vae.encode(pixels)


def test_encoding_text_makes_room_and_tries_again(tiny, monkeypatch):
    expected = tiny.clip.encode("a red apple")
    memory.load_models_gpu([tiny.vae.patcher])
    encode = tiny.clip.cond_stage_model.encode_token_weights
    left = [2]

    def fail_once(tokens):
        left[0] -= 1
        if left[0]:
            raise ERRORS[0]
        return encode(tokens)

    monkeypatch.setattr(tiny.clip.cond_stage_model, "encode_token_weights", fail_once)

    torch.testing.assert_close(tiny.clip.encode("a red apple"), expected)
    assert memory.loaded_models() == [tiny.clip.patcher]

    left[0] = 10
    with pytest.raises(MemoryError, match="not enough memory for encoding the text"):
        tiny.clip.encode("a red apple")


def failing_computed(store, names, error):
    """Return a ``computed`` that runs out of memory for some weights."""
    computed = type(store).computed

    def scarce(name, patches=()):
        if name in names:
            raise error
        return computed(store, name, patches)

    return scarce


def test_loading_without_memory_streams(tiny, monkeypatch):
    expected = sample(tiny.model)
    memory.unload_all_models()
    memory.load_models_gpu([tiny.vae.patcher])
    store = tiny.model.store
    big = {name for name, tensor in store.stored.items() if tensor.ndim > 1}
    monkeypatch.setattr(store, "computed", failing_computed(store, big, ERRORS[0]))

    memory.load_models_gpu([tiny.model])

    assert memory.loaded_models() == [tiny.model]
    assert big <= store.streamed
    monkeypatch.undo()
    torch.testing.assert_close(sample(tiny.model), expected, **CLOSE)


def test_loading_that_fails_altogether_is_a_sentence_and_leaves_nothing_half_done(
    tiny, monkeypatch
):
    expected = sample(tiny.model)
    memory.unload_all_models()
    store = tiny.model.store
    names = list(store.stored)
    broken = dict.fromkeys(names[len(names) // 2 :])
    with monkeypatch.context() as patch:
        patch.setattr(store, "computed", failing_computed(store, broken, MemoryError()))
        patch.setattr(store, "_choose_streamed", lambda dtype, budget: set())
        with pytest.raises(MemoryError, match="not enough memory for loading this model"):
            memory.load_models_gpu([tiny.model])

    assert memory.loaded_models() == []
    assert store.loaded_size() == 0
    assert torch.equal(sample(tiny.model), expected)


class StoppedError(BaseException):
    pass


def test_loading_that_was_stopped_half_way_starts_anew(tiny, monkeypatch):
    expected = sample(tiny.model)
    memory.unload_all_models()
    store = tiny.model.store
    names = list(store.stored)
    with monkeypatch.context() as patch:
        patch.setattr(store, "computed", failing_computed(store, names[5:], StoppedError()))
        with pytest.raises(StoppedError):
            memory.load_models_gpu([tiny.model])

    assert memory.loaded_models() == []
    assert torch.equal(sample(tiny.model), expected)


def test_unloading_that_was_stopped_half_way_is_noticed_by_the_next_load(tiny, monkeypatch):
    from app.engine.models import weight_store

    expected = sample(tiny.model)
    set_tensor, left = weight_store.set_tensor, [5]

    def stop_soon(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise StoppedError
        set_tensor(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(weight_store, "set_tensor", stop_soon)
        with pytest.raises(StoppedError):
            tiny.model.store.unload()

    assert torch.equal(sample(tiny.model), expected)


def test_the_budget_holds_for_all_models_together(tiny):
    memory.load_models_gpu([tiny.clip.patcher])
    memory.load_models_gpu([tiny.vae.patcher])
    compute_settings.budget = tiny.vae.patcher.model_size() + tiny.model.model_size()

    memory.load_models_gpu([tiny.model])

    assert memory.loaded_models() == [tiny.model, tiny.vae.patcher]
    assert not tiny.model.store.streamed

    compute_settings.budget = tiny.clip.patcher.model_size() // 2
    memory.load_models_gpu([tiny.clip.patcher])

    assert memory.loaded_models() == [tiny.clip.patcher]
    assert tiny.clip.patcher.store.streamed
    assert memory.memory_use()["models"] <= compute_settings.budget


def test_a_small_budget_gives_the_same_picture(tiny):
    expected = sample(tiny.model)
    memory.unload_all_models()
    compute_settings.budget = 1

    torch.testing.assert_close(sample(tiny.model), expected, **CLOSE)
    assert memory.memory_use()["streamed"] == 1


def test_the_status_bar_is_told_what_models_take(tiny):
    assert device_facts()["models"] == 0

    memory.load_models_gpu([tiny.vae.patcher])

    facts = device_facts()
    assert facts["models"] == tiny.vae.patcher.model_size()
    assert facts["streamed"] == 0


def test_the_fast_mode_computes_in_bfloat16_on_a_processor_alone(tiny):
    from app.engine.models.loading import _make_model

    compute_settings.force_cpu = True
    assert memory.get_torch_device().type == "cpu"
    assert memory.unet_dtype(torch.device("cpu")) == torch.float32
    compute_settings.fast_cpu = True
    assert memory.unet_dtype(torch.device("cpu")) == torch.bfloat16
    assert device_facts()["note"] == "bfloat16"
    model = tiny.model.model
    network = _make_model(model.family, model.diffusion_model.state_dict())

    slow, fast = sample(tiny.model), sample(network)

    assert network.compute_dtype == torch.bfloat16
    assert fast.dtype == torch.float32
    assert not torch.equal(slow, fast)
    assert (slow - fast).abs().mean() < 0.2 * slow.abs().mean()
