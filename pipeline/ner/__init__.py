"""A trained recogniser of entities: training, reading, judging."""
