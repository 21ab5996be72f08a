"""Show or keep values that are not pictures."""

from __future__ import annotations

import json
from typing import Any

import folder_paths
from comfy.comfy_types import IO
from comfy_api.latest import io

from .saving import numbered, save_claimed
from .value_types import InputTypes


class PreviewAny:
    """Show any value as text."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare a value of any type."""
        return {"required": {"source": (IO.ANY, {"tooltip": "Any value."})}}

    RETURN_TYPES = ()
    FUNCTION = "main"
    OUTPUT_NODE = True
    CATEGORY = "utils"
    DESCRIPTION = "Shows any value as text in the node."
    SEARCH_ALIASES = ["show text", "print", "debug", "inspect"]

    def main(self, source: Any = None) -> dict[str, Any]:
        """Return the text for the node."""
        return {"ui": {"text": (as_text(source),)}}


def as_text(value: Any) -> str:
    """Return a value as an artist can read it: text as it is, data as JSON, else its repr."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (int, float, bool)):
        return str(value)
    try:
        return json.dumps(value, indent=4, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a third-party value's __str__ may fail in any way
        return "This value cannot be shown as text."


_TEXT_FORMATS = ["txt", "md", "json", "csv", "yaml", "xml", "html"]


class SaveText(io.ComfyNode):
    """Keep a text in a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text and where it goes."""
        return io.Schema(
            node_id="SaveText",
            display_name="Save Text",
            category="utils/string",
            description="Saves a text as a file in the output folder and passes it on.",
            is_output_node=True,
            inputs=[
                io.String.Input("text", force_input=True, tooltip="The text to save."),
                io.String.Input(
                    "filename_prefix",
                    default="ComfyUI",
                    tooltip="Beginning of the file name; a slash makes a folder.",
                ),
                io.Combo.Input(
                    "format",
                    options=_TEXT_FORMATS,
                    default="txt",
                    tooltip="Ending of the file name; the text is saved as it is.",
                ),
            ],
            outputs=[io.String.Output(display_name="text")],
            search_aliases=["write text", "export text"],
        )

    @classmethod
    def execute(cls, text: str, filename_prefix: str, format: str) -> io.NodeOutput:
        """Write the text in UTF-8, under a name that nobody has yet.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
            ValueError: The format is not one of the known endings.
        """
        if format not in _TEXT_FORMATS:
            raise ValueError(f'"{format}" is not one of {", ".join(_TEXT_FORMATS)}.')
        folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        data = text.encode("utf-8", errors="replace")
        file_name, _ = save_claimed(folder, counter, numbered(stem, format), data)
        saved = {"filename": file_name, "subfolder": subfolder, "type": "output"}
        return io.NodeOutput(text, ui={"text": [text], "files": [saved]})


NODE_CLASS_MAPPINGS = {"PreviewAny": PreviewAny, "SaveText": SaveText}

NODE_DISPLAY_NAME_MAPPINGS = {"PreviewAny": "Preview as Text"}
