"""Controls that live inside nodes, and controls useful anywhere; they know no workflows."""
