"""Which objectives a step serves, and how their losses become one. `config` is light; the rest imports torch."""
