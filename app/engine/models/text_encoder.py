"""Text encoders with their tokenizer and memory, as nodes use them; packs call it ``CLIP``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch

from app.engine.models import memory
from app.engine.models.hooks import HookGroup, hook_patches
from app.engine.models.patcher import ModelPatcher
from app.engine.models.text_encoding import TextModel
from app.engine.models.tokenizer import MultiTokenizer, Row
from app.engine.models.weights import StateDict

Tokens = dict[str, list[Row]]


class CLIP:
    """Text to conditioning.

    Args:
        cond_stage_model: The encoders.
        tokenizer: Makes their rows.
        device: Where they compute; the best device when None.

    Attributes:
        layer_idx: Layer chosen with clip skip, from the end, or None for the family's own.
        patcher: Patches of the encoders.
    """

    def __init__(
        self,
        cond_stage_model: TextModel,
        tokenizer: MultiTokenizer,
        device: torch.device | None = None,
    ) -> None:
        self.cond_stage_model = cond_stage_model
        self.tokenizer = tokenizer
        self.layer_idx: int | None = None
        self.use_clip_schedule = False
        self.tokenizer_options: dict[str, Any] = {}
        self.schedule: list[tuple[dict[str, Any], CLIP]] = []
        self.patcher = ModelPatcher(
            cond_stage_model,
            memory.get_torch_device() if device is None else device,
            memory.offload_device(),
            weight_dtype=memory.text_encoder_dtype(),
        )

    def clone(self) -> Self:
        """Return another view of the same encoders."""
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        twin.patcher = self.patcher.clone()
        twin.tokenizer_options = dict(self.tokenizer_options)
        return twin

    def add_patches(
        self,
        patches: Mapping[Any, Any],
        strength_patch: float = 1.0,
        strength_model: float = 1.0,
    ) -> list[Any]:
        """Add weight patches; see ``ModelPatcher.add_patches``."""
        return self.patcher.add_patches(patches, strength_patch, strength_model)

    def set_tokenizer_option(self, option_name: str, value: Any) -> None:
        """Remember an option that packs give to tokenizers."""
        self.tokenizer_options[option_name] = value

    def clip_layer(self, layer_idx: int) -> None:
        """Take the output of a layer counted from the end; -1 is the last (D-157)."""
        self.layer_idx = layer_idx

    def tokenize(self, text: str, return_word_ids: bool = False, **kwargs: Any) -> Tokens:
        """Return the rows of a prompt for each encoder."""
        if self.tokenizer_options:
            kwargs["tokenizer_options"] = self.tokenizer_options
        return self.tokenizer.tokenize_with_weights(text, return_word_ids, **kwargs)

    def load_model(self) -> ModelPatcher:
        """Load the encoders for computing."""
        memory.load_models_gpu([self.patcher])
        return self.patcher

    @torch.no_grad()
    def encode_from_tokens(
        self, tokens: Mapping[str, Any], return_pooled: Any = False, return_dict: bool = False
    ) -> Any:
        """Encode rows.

        Args:
            tokens: From :meth:`tokenize`.
            return_pooled: Whether the pooled vector is wanted; ``"unprojected"`` gives it
                before its projection.
            return_dict: Whether a dict is wanted.

        Returns:
            ``(1, tokens, width)`` float32 on the CPU; with the pooled ``(1, width)`` vector in
            a tuple; or both in a dict under ``cond`` and ``pooled_output``.
        """
        model = self.cond_stage_model
        model.reset_clip_options()
        if self.layer_idx is not None:
            model.set_clip_options({"layer": self.layer_idx})
        if return_pooled == "unprojected":
            model.set_clip_options({"projected_pooled": False})
        self.load_model()

        def encode() -> Any:
            return model.encode_token_weights(tokens)

        # There is no thriftier way to encode, but other models can make room for it.
        cond, pooled = memory.with_recovery(encode, encode, "encoding the text", [self.patcher])
        model.reset_clip_options()
        if return_dict:
            return {"cond": cond, "pooled_output": pooled}
        return (cond, pooled) if return_pooled else cond

    def encode_from_tokens_scheduled(
        self,
        tokens: Mapping[str, Any],
        unprojected: bool = False,
        add_dict: Mapping[str, Any] | None = None,
        show_pbar: bool = True,
    ) -> list[list[Any]]:
        """Return conditioning as nodes pass it: ``[[tensor, {"pooled_output": ...}]]``."""
        kind = "unprojected" if unprojected else True
        result = []
        for values, view in self.schedule or [({}, self)]:
            found = view.encode_from_tokens(tokens, kind, return_dict=True)
            cond = found.pop("cond")
            result.append([cond, {**found, **values, **(add_dict or {})}])
        return result

    def set_hooks(self, hooks: HookGroup, on_conds: bool, scheduled: bool) -> None:
        """Let hooks change this view of the encoders.

        Args:
            hooks: The changes.
            on_conds: Whether conditioning carries them on to the diffusion model.
            scheduled: Whether a prompt is encoded anew for each keyframe; else the strengths at
                the start of the run count.
        """
        places = hooks.starts() if scheduled else [0.0]
        carried = {"hooks": hooks} if on_conds else {}
        schedule: list[tuple[dict[str, Any], CLIP]] = []
        for index, start in enumerate(places):
            view = self.clone()
            view.schedule = []
            strengths = hooks.clip_strengths(start)
            for patches, strength in hook_patches(self.cond_stage_model, strengths, is_text=True):
                view.add_patches(patches, strength)
            values: dict[str, Any] = dict(carried)
            if len(places) > 1:
                values["start_percent"] = start
                values["end_percent"] = places[index + 1] if index + 1 < len(places) else 1.0
            schedule.append((values, view))
        self.schedule = schedule

    def encode(self, text: str) -> torch.Tensor:
        """Return the conditioning ``(1, tokens, width)`` of a prompt."""
        cond: torch.Tensor = self.encode_from_tokens(self.tokenize(text))
        return cond

    def count_tokens(self, text: str) -> tuple[int, int]:
        """Return tokens and rows of a prompt, for the prompt editor."""
        return self.tokenizer.count(text)

    def get_sd(self) -> StateDict:
        """Return the stored tensors with patches."""
        return self.patcher.patched_state_dict()

    def get_key_patches(self) -> dict[str, Any]:
        """Return every weight with its patches; see ``ModelPatcher.get_key_patches``."""
        return self.patcher.get_key_patches()
