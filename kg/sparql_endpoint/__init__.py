"""A read-only SPARQL endpoint: HTTP in `app`, what is asked in `request`, processes in `pool`, one of them in `worker`."""
