"""``comfy_execution.graph_utils``: building graphs that take a node's place (E-341)."""

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.graph_builder import GraphBuilder, Node, add_graph_prefix
from app.engine.execution.prompt import is_link

__all__ = ["ExecutionBlocker", "GraphBuilder", "Node", "add_graph_prefix", "is_link"]
