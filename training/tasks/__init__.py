"""What a model is fine-tuned for: each task reads its files, makes its model, and counts what the model got right."""
