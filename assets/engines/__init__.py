"""Where the stages of a build run: in this process, or on a cluster. One file an engine; `engine.py` says what one is."""
