"""Real servers on this machine, shared by the tests past one machine; a missing part skips them and says which."""
