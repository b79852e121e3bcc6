"""A read-only SPARQL endpoint over the graph: HTTP in `app`, processes in `pool`, one of them in `worker`."""
