"""How the starter model in ``resources/models`` was made; see ``tools/train_starter_model.py``."""
