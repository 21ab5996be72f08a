"""The networks, their files, and what keeps them in memory; importing this loads nothing heavy."""
