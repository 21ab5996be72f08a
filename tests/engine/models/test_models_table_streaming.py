"""Tables of rows with factors compute the same however little memory there is."""

import pytest
import torch
from torch import nn

from app.engine.models.lora_math import Patch
from app.engine.models.ops import Embedding, Linear, empty, fill
from app.engine.models.weight_store import WeightStore

CPU = torch.device("cpu")
IDS = torch.tensor([[1, 2, 49]])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = Embedding(50, 8)
        self.layer = Linear(8, 8)


@pytest.fixture
def store():
    draw = torch.Generator().manual_seed(5)
    tensors = {
        name: torch.randn(shape, generator=draw).to(torch.float8_e4m3fn)
        for name, shape in (
            ("table.weight", (50, 8)),
            ("layer.weight", (8, 8)),
            ("layer.bias", (8,)),
        )
    }
    net = empty(Net)
    fill(net, tensors, "network")
    return WeightStore(net)


@pytest.mark.parametrize("is_patched", [False, True])
@pytest.mark.parametrize("scale", ["one", "each row"])
def test_a_table_with_factors_is_whole_when_layers_are_streamed(store, scale, is_patched):
    factor = torch.tensor(0.37) if scale == "one" else torch.linspace(0.1, 2, 50)
    store.scales = {"table.weight": factor}
    change = Patch(0.7, ("diff", (torch.linspace(-1, 1, 400).reshape(50, 8),)), 1.0, None, None)
    patches = {"table.weight": [change]} if is_patched else {}

    store.load(CPU, torch.float32, patches, "uuid", budget=1)

    assert store.streamed == {"layer.weight", "layer.bias"}
    expected = store.computed("table.weight", patches.get("table.weight", ()))[IDS]
    assert torch.equal(store.module.table.rows(IDS, torch.float32), expected)
