"""``comfy_api.input_impl``: an older way to the kinds of videos."""

from comfy_api.latest._input_impl import VideoFromComponents, VideoFromFile

__all__ = ["VideoFromComponents", "VideoFromFile"]
