"""How any model of `training.model` is trained: the loop, learning rates, checkpoints, logs, signals, processes.

It names no backbone, no objective and no schedule. `config` is light; the rest imports torch, so import it where it is used.
"""
