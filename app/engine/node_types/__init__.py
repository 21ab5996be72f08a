"""What a node is: its declaration, and where declarations come from."""
