"""``comfy_api.util``: an older way to the small values of video and 3D nodes."""

from comfy_api.latest._util import MESH, VOXEL, VideoCodec, VideoComponents, VideoContainer

__all__ = ["MESH", "VOXEL", "VideoCodec", "VideoComponents", "VideoContainer"]
