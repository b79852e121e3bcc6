"""How good a model is: its own objectives on held-out data, what it knows of the graph, and the tasks it is fine-tuned for."""
