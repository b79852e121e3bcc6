"""What a build will take before one starts: a sample is read and built, and its cost carried to the whole."""
