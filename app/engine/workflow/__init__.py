"""The document an artist saves, and the prompt the engine runs. Imports no torch."""
