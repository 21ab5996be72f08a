"""``comfy_api.v0_0_1``: the first version of the interface, without node classes."""

from comfy_api.latest import ComfyAPI, ComfyAPISync, Input, InputImpl, Types

__all__ = ["ComfyAPI", "ComfyAPISync", "Input", "InputImpl", "Types"]
