"""The tests. A package of its own, since some libraries install a package of this name too."""
